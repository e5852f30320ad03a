// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "messages.hpp"

#include <podscope/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include <poll.h>

namespace demo {

/// What does as it is told, on a host.
class program {
public:
    program() = default;
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    virtual ~program() = default;

    /// Errors: what the library says.
    [[nodiscard]] virtual podscope::result<answer> obey(const order& given) = 0;

protected:
    [[nodiscard]] static std::int64_t now() {
        return std::chrono::steady_clock::now().time_since_epoch().count();
    }

    /// What `text` makes of what the library gave.
    template <class T, class F>
    [[nodiscard]] static podscope::result<answer> answered(podscope::result<T>&& given, F&& text) {
        return given ? podscope::result<answer>{answer{.text = text(*given)}}
                     : podscope::fail(given);
    }

    template <class T>
    [[nodiscard]] static podscope::result<answer> done(podscope::result<T>&& given) {
        return given ? podscope::result<answer>{answer{}} : podscope::fail(given);
    }

    /// Calls `look`, a few times in a hundredth of a second, until it gives an answer.
    ///
    /// Errors: those of `look`; `timeout` after half a minute: only what is broken takes that long.
    template <class F>
    [[nodiscard]] static podscope::result<answer> repeat(const std::string& what, F&& look) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        while (std::chrono::steady_clock::now() < until) {
            if (auto seen = look()) {
                return *std::move(seen);
            }
            (void)::poll(nullptr, 0, 2);
        }
        return podscope::fail(
            {.category = podscope::errc::timeout, .message = "waited in vain for " + what});
    }

    [[nodiscard]] static podscope::failure no_such_order() {
        return podscope::fail({.category = podscope::errc::invalid_entry,
                               .message = "this program is told what another one does"});
    }
};

} // namespace demo
