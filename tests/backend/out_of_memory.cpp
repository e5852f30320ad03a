// SPDX-License-Identifier: BSL-1.0
// What becomes of a transaction when memory runs out, at every allocation in turn.
#include "support/scarce_memory.hpp"

#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW
#include "backend/etcd_handle.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/file_layer.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope_test::scarcity;
using podscope_test::with_each_allocation_failing;

// Files that can be neither synced nor cut off while a test says so.
struct files_in_doubt : podscope::system_files {
    static inline bool are_bad = false;

    static int cut(int file, std::uint64_t size) noexcept {
        return are_bad ? EIO : system_files::cut(file, size);
    }

    static int sync_data(int file) noexcept {
        return are_bad ? EIO : system_files::sync_data(file);
    }
};

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

TEST_CASE("F13, F15 a journal that cannot be used any more says so, or that memory ran out") {
    using journal =
        podscope::basic_journal<test_schema, podscope::durability::power, files_in_doubt>;
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    prepare(store);
    files_in_doubt::are_bad = true;
    CHECK_FALSE(put_number(store, "n", 2));
    files_in_doubt::are_bad = false;
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        podscope::result<void> done;
        {
            const scarcity now{room};
            done = change(store);
        }
        INFO("room for " << room << " allocations");
        REQUIRE_FALSE(done);
        const auto found = done.error().category;
        REQUIRE((found == podscope::errc::io || found == podscope::errc::out_of_memory));
        return found == podscope::errc::io;
    });
    CHECK(failures > 0);
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

TEST_CASE("F15 F45 a commit to etcd for which memory runs out took place once or not at all",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const podscope_test::etcd_server server;
    const bool bets = GENERATE(false, true);
    CAPTURE(bets);
    auto store = open_at(server, {.freshness = bets ? std::chrono::hours{1} : 0ms});
    REQUIRE((!bets || podscope_test::eventually([&] { return is_steady(store); })));
    int sum = podscope_test::must(add_one(store, "n"));
    std::size_t doubts = 0;
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        podscope::result<int> done;
        {
            const scarcity now{room};
            done = podscope::guarded([&] { return add_one(store, "n"); });
        }
        INFO("room for " << room << " allocations");
        const auto found = std::stoi(value_at(store, "n").value());
        if (done) {
            REQUIRE(*done == sum + 1);
            REQUIRE(found == sum + 1);
        } else if (done.error().system == podscope::etcd_errc::in_doubt) {
            ++doubts;
            REQUIRE((found == sum || found == sum + 1));
        } else {
            REQUIRE(done.error().category == podscope::errc::out_of_memory);
            REQUIRE(found == sum);
        }
        // What is in doubt cannot come any more after this.
        sum = podscope_test::must(add_one(store, "n"));
        return done.has_value();
    });
    CHECK(failures > 50);
    CHECK(doubts > 0);
    CHECK(doubts < failures);
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
