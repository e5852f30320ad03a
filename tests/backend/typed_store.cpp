// SPDX-License-Identifier: BSL-1.0
// Every store of this library keeps the promises of a store.
#include "backend/map_backend.hpp"
#include "backend/scratch_folder.hpp"
#include "support/catch.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/verify/conformance/catch2.hpp>
#include <podscope/verify/conformance/store.hpp>
#if __has_include(<lmdb.h>)
#include <podscope/backend/lmdb.hpp>
#endif
#if __has_include(<sqlite3.h>)
#include <podscope/backend/sqlite.hpp>
#endif

#include <tuple>

namespace {

using namespace backend_test;
using podscope::durability;
using podscope::errc;
using podscope::fail;
using podscope::result;
using podscope::verify::store_kit_schema;

struct in_memory {
    podscope::basic_memory<store_kit_schema> store{};

    auto open() { return store; }
};

// It runs each body twice, as a store may after a conflict.
struct in_bytes {
    map_backend store{};

    auto open() { return store; }
};

template <durability Durable>
struct in_journal {
    scratch_folder folder{};

    auto open() {
        return podscope::basic_journal<store_kit_schema, Durable>::open(folder / "store");
    }
};

// One that swaps its file under everybody all the time.
struct in_compacted_journal {
    scratch_folder folder{};

    auto open() {
        return podscope::basic_journal<store_kit_schema, durability::process>::open(
            folder / "store", {.compact_above = 500, .compact_factor = 1});
    }
};

#if __has_include(<lmdb.h>)
template <durability Durable>
struct in_lmdb {
    scratch_folder folder{};

    auto open() { return podscope::basic_lmdb_backend<Durable>::open(folder / "store"); }

    result<void> check() { return open().value().check_integrity(); }
};
#endif

#if __has_include(<sqlite3.h>)
template <durability Durable>
struct in_sqlite {
    scratch_folder folder{};

    auto open() { return podscope::basic_sqlite_backend<Durable>::open(folder / "store"); }

    result<void> check() { return open().value().check_integrity(); }
};
#endif

using places = std::tuple<in_memory,
                          in_bytes,
#if __has_include(<lmdb.h>)
                          in_lmdb<durability::power>,
                          in_lmdb<durability::process>,
#endif
#if __has_include(<sqlite3.h>)
                          in_sqlite<durability::power>,
                          in_sqlite<durability::process>,
#endif
                          in_compacted_journal,
                          in_journal<durability::power>,
                          in_journal<durability::process>,
                          in_journal<durability::none>>;

} // namespace

TEMPLATE_LIST_TEST_CASE("F01 F07 F42 a store keeps all that stores promise",
                        "[concurrent]",
                        places) {
    using store = podscope::verify::conformance::plug_in_of<TestType>;
    // A commit that waits for the disk takes a thousand times as long.
    const bool is_slow = store::durable == durability::power;
    PODSCOPE_CHECK_PROMISES(
        podscope::verify::check_store([] { return TestType{}; }, {.rounds = is_slow ? 4U : 20U}));
}

TEMPLATE_LIST_TEST_CASE("the generation moves with nothing but a commit", "", places) {
    using namespace podscope::verify::conformance;
    const auto make = [] { return TestType{}; };
    place_of<const decltype(make)> place{make};
    const auto opened = place.open().value();
    const auto put = [](any_transaction& txn) {
        return txn.put(which_table::first, "k", {1, {}, {}});
    };
    REQUIRE(opened->write(put));
    const auto last = opened->generation();
    REQUIRE(opened->read([](any_transaction& txn) -> result<void> {
        CHECK(txn.get(which_table::first, "k").value());
        return {};
    }));
    REQUIRE(opened->write([](any_transaction&) -> result<void> { return {}; }));
    REQUIRE_FALSE(opened->write([&](any_transaction& txn) -> result<void> {
        CHECK(put(txn));
        return fail({.category = errc::conflict});
    }));
    CHECK(opened->generation() == last);
}
