// SPDX-License-Identifier: BSL-1.0
// What the tests of sinks share: notifications, and a namespace to show their targets with.
#pragma once

#include "support/catch.hpp"

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/resource.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace podscope_test {

inline podscope::notification told(std::string id) {
    return {.id = std::move(id), .pod = "parent", .child = "child"};
}

/// Names that are shown with a slash before each component. Texts are not resolved.
struct slashes {
    [[nodiscard]] podscope::result<podscope::resource> resolve(std::string_view) const {
        return podscope::fail({.category = podscope::errc::invalid_target});
    }

    [[nodiscard]] std::string display(const podscope::resource& place) const {
        std::string text;
        place.for_each_component(
            [&](std::string_view component) { text.append("/").append(component); });
        return text;
    }
};

/// Refuses what it is told, with an error of its own.
struct refusing {
    podscope::error why{};

    [[nodiscard]] podscope::result<void> notify(const podscope::notification&) const {
        return podscope::fail(why);
    }
};

} // namespace podscope_test
