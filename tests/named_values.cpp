// SPDX-License-Identifier: BSL-1.0
// Values as people and programs in other languages read them.
#include "support/catch.hpp"

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <cstddef>
#include <set>
#include <string>

using namespace podscope;

namespace {

// How many values from 0 on have a name, each one of its own, and none behind them has.
template <class Value>
std::size_t named() {
    std::set<std::string> names;
    std::size_t count = 0;
    for (; count != 200; ++count) {
        const auto name = to_string(static_cast<Value>(count));
        if (name == "unknown" && count != 0) {
            break;
        }
        names.emplace(name);
    }
    CHECK(names.size() == count);
    for (std::size_t behind = count; behind != 256; ++behind) {
        CHECK(to_string(static_cast<Value>(behind)) == "unknown");
    }
    return count;
}

} // namespace

TEST_CASE("Each value has a name of its own, and one of a later version none") {
    CHECK(named<errc>() == static_cast<std::size_t>(errc::out_of_memory) + 1);
    CHECK(named<end_reason>() == static_cast<std::size_t>(end_reason::revoked) + 1);
    CHECK(named<event>() == static_cast<std::size_t>(event::adopted) + 1);
    CHECK(named<verdict>() == static_cast<std::size_t>(verdict::missing) + 1);
    CHECK(named<when_unreachable>() >= 3);
    CHECK(to_string(errc::not_enforceable) == "not_enforceable");
    CHECK(to_string(errc::empty_segment) == "empty_segment");
}

TEST_CASE("F18 a process without a pid is nobody only if it has no boot either") {
    CHECK(process_identity{}.is_nobody());
    CHECK_FALSE(process_identity{.boot = {1, 2}}.is_nobody());
    CHECK_FALSE(process_identity{.pid = 7}.is_nobody());
}
