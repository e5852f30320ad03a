// SPDX-License-Identifier: BSL-1.0
// What becomes of a transaction when memory runs out, at every allocation in turn.
#include "support/scarce_memory.hpp"

#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace {

using namespace backend_test;
using podscope_test::scarcity;
using podscope_test::with_each_allocation_failing;

const std::string long_key(60, 'k');
const std::string long_text(600, 't');

template <class Store>
podscope::result<void> change(Store& store) {
    return podscope::guarded([&] {
        return store.write([&](auto& txn) -> podscope::result<void> {
            auto done = txn.template put<notes>(long_key, {long_text, {}, {}});
            if (done) {
                done = txn.template put<numbers>("n", {2, {}});
            }
            return done ? txn.template erase<numbers>("gone") : done;
        });
    });
}

template <class Store>
void prepare(Store& store) {
    REQUIRE(put_number(store, "n", 1));
    REQUIRE(put_number(store, "gone", 1));
    REQUIRE(erase<notes>(store, long_key));
}

template <class Store>
bool is_changed(Store& store) {
    const bool first = value_of(store, "n").value() == number{2, {}};
    REQUIRE(value_of(store, "gone").value().has_value() == !first);
    REQUIRE(value_of<notes>(store, long_key).value().has_value() == first);
    return first;
}

// The store goes on to be used after each failure.
template <class Store, class Reopen>
std::size_t fails_whole(Store& store, Reopen reopen) {
    return with_each_allocation_failing([&](std::size_t room) {
        prepare(store);
        podscope::result<void> done;
        {
            const scarcity now{room};
            done = change(store);
        }
        INFO("room for " << room << " allocations");
        REQUIRE((done || done.error().category == podscope::errc::out_of_memory));
        REQUIRE(is_changed(store) == done.has_value());
        reopen(done.has_value());
        return done.has_value();
    });
}

} // namespace

TEST_CASE("F15 a transaction in memory for which memory runs out changes nothing") {
    podscope::basic_memory<test_schema> store;
    CHECK(fails_whole(store, [](bool) {}) > 5);
}

TEST_CASE("F15 a transaction on a journal for which memory runs out changes nothing") {
    const bool compacts = GENERATE(false, true);
    const scratch_folder folder;
    const std::string path = folder / "store";
    using journal = podscope::basic_journal<test_schema>;
    auto store =
        compacts
            ? journal::open(path, {.compact_above = 300, .compact_factor = 0, .compact_piece = 50})
                  .value()
            : journal::open(path).value();
    CHECK(fails_whole(store, [&](bool changed) {
              auto again = journal::open(path).value();
              REQUIRE(is_changed(again) == changed);
          }) > 5);
}

TEST_CASE("F15 a commit whose compaction runs out of memory stands, and so do those after it") {
    using journal = podscope::basic_journal<test_schema>;
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        const scratch_folder folder;
        const std::string path = folder / "store";
        const auto which_file = [&] {
            constexpr std::size_t id_at = 32;
            return bytes_of(path + "/journal").substr(id_at, 8);
        };
        auto other = journal::open(path).value();
        prepare(other);
        // Nothing but what it knows itself leads it to the new file.
        auto store = journal::open(path, {.compact_above = 0,
                                          .compact_factor = 0,
                                          .examine_every = std::chrono::minutes{10}})
                         .value();
        const auto before = which_file();
        podscope::result<void> done;
        {
            const scarcity now{room};
            done = change(store);
        }
        INFO("room for " << room << " allocations");
        const bool is_compacted = which_file() != before;
        REQUIRE(is_changed(store) == done.has_value());
        REQUIRE(put_number(store, "later", 3));
        auto again = journal::open(path).value();
        REQUIRE(is_changed(again) == done.has_value());
        REQUIRE(value_of(again, "later").value() == number{3, {}});
        REQUIRE(value_of(other, "later").value() == number{3, {}});
        return is_compacted;
    });
    CHECK(failures > 10);
}

TEST_CASE("F15 a journal for which memory runs out as it is opened can be opened later") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    using journal = podscope::basic_journal<test_schema>;
    {
        auto store = journal::open(path).value();
        prepare(store);
        REQUIRE(change(store));
    }
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        std::string name = path;
        std::optional<podscope::result<journal>> opened;
        {
            const scarcity now{room};
            opened = journal::open(std::move(name));
        }
        REQUIRE((*opened || opened->error().category == podscope::errc::out_of_memory));
        auto later = journal::open(path).value();
        REQUIRE(is_changed(later));
        return opened->has_value();
    });
    CHECK(failures > 5);
}

TEST_CASE("F15 a commit for whose room there is no memory is made without it") {
    using journal = podscope::basic_journal<test_schema>;
    int without_room = 0;
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        const scratch_folder folder;
        const std::string path = folder / "store";
        auto store = journal::open(path).value();
        podscope::result<void> done;
        {
            const scarcity now{room};
            done = change(store);
        }
        INFO("room for " << room << " allocations");
        REQUIRE((done || done.error().category == podscope::errc::out_of_memory));
        const bool has_room = bytes_of(path + "/journal").size() > 100'000;
        without_room += done && !has_room ? 1 : 0;
        auto again = journal::open(path).value();
        REQUIRE(value_of(again, "n").value().has_value() == done.has_value());
        return has_room;
    });
    CHECK(failures > 3);
    CHECK(without_room == 1);
}

TEST_CASE("F12 F15 a commit that fails for want of room and of memory says one of them") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = podscope::basic_journal<test_schema>::open(path).value();
    prepare(store);
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        podscope::errc why{};
        {
            const system_faults faults{[](system_call called) {
                return called == system_call::write ? failing(ENOSPC) : fate{};
            }};
            const scarcity now{room};
            const auto done = change(store);
            why = done ? podscope::errc{} : done.error().category;
        }
        INFO("room for " << room << " allocations");
        REQUIRE((why == podscope::errc::io || why == podscope::errc::out_of_memory));
        REQUIRE_FALSE(is_changed(store));
        return why == podscope::errc::io;
    });
    CHECK(failures > 5);
    REQUIRE(change(store));
}
#endif
