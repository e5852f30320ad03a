// SPDX-License-Identifier: BSL-1.0
// What the kit for session stores makes of one that fails once: it says so of the promise that it
// was trying, in the words of the store.
#include "support/catch.hpp"

#include <podscope/session/memory.hpp>
#include <podscope/verify/conformance/sessions.hpp>
#include <podscope/verify/fault_plan.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope;
using namespace podscope::verify;

// Fails at one of its calls, counted over all handles and threads.
class failing_sessions {
public:
    struct failure {
        std::uint64_t number{};
        std::atomic<std::uint64_t> count{0};
    };

    failing_sessions(memory_sessions beneath, std::shared_ptr<failure> at)
        : beneath_{std::move(beneath)},
          at_{std::move(at)} {}

    result<std::string> create(const lineage& from) {
        auto done = take();
        return done ? beneath_.create(from) : fail(done);
    }

    result<std::uint64_t> append(std::string_view id, const session_entry& entry) {
        auto done = take();
        return done ? beneath_.append(id, entry) : fail(done);
    }

    template <class Visitor>
    result<void> read(std::string_view id, std::uint64_t from, Visitor&& visit) {
        auto done = take();
        return done ? beneath_.read(id, from, visit) : done;
    }

    result<segment_info> info(std::string_view id) {
        auto done = take();
        return done ? beneath_.info(id) : fail(done);
    }

    result<std::vector<std::string>> list() {
        auto done = take();
        return done ? beneath_.list() : fail(done);
    }

    static inline std::vector<deviation> deviations{};

private:
    [[nodiscard]] result<void> take() const {
        return ++at_->count == at_->number ? faults::fails()() : result<void>{};
    }

    memory_sessions beneath_;
    std::shared_ptr<failure> at_;
};

struct place {
    std::shared_ptr<failing_sessions::failure> failure;
    memory_sessions sessions{};

    auto open() { return failing_sessions{sessions, failure}; }
};

conformance_report report_on(const std::shared_ptr<failing_sessions::failure>& failure) {
    return check_session_store([&] { return place{failure}; }, {.rounds = 1});
}

} // namespace

TEST_CASE("F12 F42 a session store that fails once is told from one that breaks its word",
          "[concurrent]") {
    const auto all = report_on(std::make_shared<failing_sessions::failure>()).promises;
    for (const auto& [name, found, shown] : all) {
        REQUIRE(found == standing::held);
        for (const auto& other : all) {
            if (other.name != name) {
                failing_sessions::deviations.push_back({other.name, "it is not tried now"});
            }
        }
        // There are a few hundred calls, of which many are alike.
        for (std::uint64_t number = 1;; number += 1 + number / 8) {
            const auto failure = std::make_shared<failing_sessions::failure>();
            failure->number = number;
            const auto report = report_on(failure);
            if (failure->count < number) {
                break;
            }
            CAPTURE(name, number, report.to_text());
            CHECK(report.names(standing::broken) == std::vector{name});
            CHECK(report.to_text().find("failed, as planned") != std::string::npos);
        }
        failing_sessions::deviations.clear();
    }
}
