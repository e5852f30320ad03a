// SPDX-License-Identifier: BSL-1.0
// What a regime is told on its command line.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

namespace regimes {

struct arguments {
    bool is_long{};
    std::uint64_t seed{1};
    std::optional<std::uint64_t> amount{}; ///< how much is to be done, if it was said
    std::string_view store{};              ///< the only one to run on; empty for all
};

/// Reads `--long`, `--seed=N`, `--store=NAME` and `--AMOUNT=N`. Leaves the program with a usage
/// text if there is anything else.
inline arguments read_arguments(int argc, char** argv, std::string_view amount) {
    arguments read;
    const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
        std::uint64_t value{};
        const char* const last = text.data() + text.size();
        const auto [end, fault] = std::from_chars(text.data(), last, value);
        return fault == std::errc{} && end == last ? std::optional{value} : std::nullopt;
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view text{argv[i]};
        const auto equals = std::min(text.find('='), text.size());
        const auto value = number(text.substr(std::min(equals + 1, text.size())));
        if (text == "--long") {
            read.is_long = true;
        } else if (text.starts_with("--seed=") && value) {
            read.seed = *value;
        } else if (text.starts_with("--store=")) {
            read.store = text.substr(equals + 1);
        } else if (text.starts_with("--") && text.substr(2, equals - 2) == amount && value) {
            read.amount = value;
        } else {
            std::fprintf(stderr, "usage: %s [--long] [--seed=N] [--store=NAME] [--%.*s=N]\n",
                         argv[0], static_cast<int>(amount.size()), amount.data());
            std::exit(2);
        }
    }
    return read;
}

} // namespace regimes
