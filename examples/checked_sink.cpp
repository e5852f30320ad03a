// SPDX-License-Identifier: BSL-1.0
#include <podscope/sink/callback.hpp>
#include <podscope/verify/conformance.hpp>

#include <iostream>

struct place {
    std::mutex alone{};
    std::vector<std::string> ids{};

    auto open() {
        return podscope::callback_sink{[this](const podscope::notification& told) {
            const std::lock_guard held{alone};
            ids.push_back(told.id);
        }};
    }

    auto taken() { return ids; }
};

int main() {
    const auto report = podscope::verify::check_sink([] { return place{}; });
    std::cout << report.to_text();
    return report.is_kept() ? 0 : 1;
}
