// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/pod/reclaim_policy.hpp>

#include <optional>

using namespace podscope;

namespace {

// Ends whatever was found, so that what was said for a delegation is all that can keep it.
struct merciless {
    [[nodiscard]] static bool ends(verdict) noexcept { return true; }
};

bool ends(std::optional<when_unreachable> said, verdict found) {
    return ends_by(merciless{}, said, found);
}

} // namespace

TEST_CASE("I7 a delegation ends by what was said for it, or else by the policy", "[pod]") {
    for (const auto said : {when_unreachable::fence, when_unreachable::keep}) {
        CHECK_FALSE(ends(said, verdict::unknown));
        CHECK_FALSE(ends(said, verdict::reachable));
        CHECK(ends(said, verdict::missing));
    }
    CHECK(ends(when_unreachable::fence, verdict::unreachable));
    CHECK_FALSE(ends(when_unreachable::keep, verdict::unreachable));
    CHECK(ends({}, verdict::unreachable));
    CHECK_FALSE(ends({}, verdict::unknown));
}
