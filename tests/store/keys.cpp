// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/store/keys.hpp>

#include <cstdint>
#include <set>
#include <string>

namespace {

using podscope::epoch;
namespace keys = podscope::store_keys;

TEST_CASE("I5 the rows of a pod are no rows of one whose name begins like its own", "[store]") {
    CHECK(keys::delegation("pod", "child").starts_with(keys::of_pod("pod")));
    CHECK_FALSE(keys::delegation("pods", "child").starts_with(keys::of_pod("pod")));
    CHECK_FALSE(keys::delegation("po", "child").starts_with(keys::of_pod("pod")));
    CHECK(keys::delegation("a", "bc") != keys::delegation("ab", "c"));
}

TEST_CASE("I5 the ends of delegations come in the order of their grants", "[store]") {
    std::string last = keys::history("pod", epoch{0});
    for (const std::uint64_t granted :
         {std::uint64_t{1}, std::uint64_t{255}, std::uint64_t{256}, std::uint64_t{65'536},
          std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
        const auto next = keys::history("pod", epoch{granted});
        CHECK(last < next);
        last = next;
    }
}

} // namespace
