// SPDX-License-Identifier: BSL-1.0
// What a handle of a store in etcd remembers for its next transaction, and for how long.
#include "support/catch.hpp"

#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/etcd_last_commit.hpp>
#include <podscope/backend/etcd_snapshot.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using podscope::backend_detail::etcd_last_commit;
using podscope::backend_detail::etcd_memory;
using podscope::backend_detail::etcd_row;
using podscope::backend_detail::etcd_snapshot;

std::vector<etcd_row> seen_rows(std::string_view named, int count) {
    std::vector<etcd_row> made;
    for (int i = 0; i != count; ++i) {
        made.push_back({.key = std::string{named} + std::to_string(100'000 + i), .value = "v"});
    }
    return made;
}

etcd_snapshot of(std::uint64_t revision) {
    etcd_snapshot made;
    made.set_revision(revision);
    return made;
}

} // namespace

TEST_CASE("what was seen of an etcd is remembered until it is too much, and that is known") {
    etcd_memory memory;
    memory.see("a", "b", seen_rows("a", 6'000));
    memory.see("c", "d", seen_rows("c", 4'000));
    CHECK(memory.value_of("a100000") == "v");
    CHECK_FALSE(memory.may_have_between("b", "c"));
    memory.see("e", "f", seen_rows("e", 1));
    CHECK_FALSE(memory.value_of("a100000"));
    CHECK(memory.value_of("e100000") == "v");
    // What was there is not known any more, nor that there was none.
    CHECK(memory.may_have_between("a", "b"));
    CHECK(memory.may_have_between("b", "c"));
    CHECK_FALSE(memory.has_between("a", "b"));

    etcd_memory of_many;
    of_many.see("a", "b", seen_rows("a", 10'001));
    CHECK(of_many.value_of("a109999") == "v");
    CHECK_FALSE(of_many.value_of("a110000"));
    CHECK(of_many.may_have_between("b", "c"));
}

TEST_CASE("of two commits to etcd the later one is what the next bets on") {
    etcd_last_commit last;
    CHECK_FALSE(last.take_since(0));
    last.keep(of(7));
    last.keep(of(5));
    CHECK_FALSE(last.take_since(8));
    const auto taken = last.take_since(7);
    REQUIRE(taken);
    CHECK(taken->revision() == 7);
    CHECK_FALSE(last.take_since(7));
}
