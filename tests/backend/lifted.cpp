// SPDX-License-Identifier: BSL-1.0
// What is particular to a byte backend as a typed store; the laws are in typed_store.cpp.
#include "backend/map_backend.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/backend/lifted.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::result;
using podscope::scan;

using store_type = podscope::lifted<map_backend>;

static_assert(podscope::byte_backend<map_backend>);
static_assert(podscope::has_generation<store_type>);
static_assert(store_type::durable == map_backend::durable);
static_assert(store_type::reaches == map_backend::reaches);

// A backend without a generation, and one that misses an operation.
class plain_backend : public map_backend {
private:
    using map_backend::generation;
};

struct no_erase {
    result<std::optional<std::string>> get(std::string_view) const;
    result<void> scan(std::string_view, auto&& visit) const;
    result<void> put(std::string_view, std::string_view);
};

static_assert(podscope::typed_store<podscope::lifted<plain_backend>>);
static_assert(!podscope::has_generation<podscope::lifted<plain_backend>>);
static_assert(podscope::byte_reader<no_erase>);
static_assert(!podscope::byte_writer<no_erase>);

void put_bytes(store_type& store, std::string_view key, std::string_view value) {
    REQUIRE(store.bytes().write(
        [&](map_backend::writer& txn) -> result<void> { return txn.put(key, value); }));
}

std::optional<std::string> bytes_at(store_type& store, std::string_view key) {
    return store.bytes().read([&](map_backend::reader& txn) { return txn.get(key); }).value();
}

std::string row(std::string_view table, std::string_view key) {
    return std::string{table} + '\0' + std::string{key};
}

// Keys as far as they are visited, and whether the scan failed at the end.
struct seen_rows {
    std::vector<std::string> keys;
    std::optional<podscope::error> failed;
};

seen_rows scan_prefix(store_type& store, std::string_view prefix) {
    seen_rows seen;
    const auto done = store.read([&](auto& txn) {
        return podscope::scan_prefix<numbers>(txn, prefix,
                                              [&](std::string_view key, const number&) {
                                                  seen.keys.emplace_back(key);
                                                  return scan::next;
                                              });
    });
    if (!done) {
        seen.failed = done.error();
    }
    return seen;
}

} // namespace

TEST_CASE("a row lies under its table and key in the codec's format") {
    store_type store{map_backend{}};
    REQUIRE(put_number(store, "k", 5));
    CHECK(bytes_at(store, row("numbers", "k")) == podscope::encode_record(number{5, {}}));
    REQUIRE(erase(store, "k"));
    CHECK(bytes_at(store, row("numbers", "k")) == std::nullopt);
}

TEST_CASE("F39 a damaged record in a byte backend is named and hides no other") {
    store_type store{map_backend{}};
    REQUIRE(put_number(store, "a", 1));
    REQUIRE(put_number(store, "c", 3));
    put_bytes(store, row("numbers", "b\x01"), "\1damaged");

    CHECK(value_of(store, "a").value() == number{1, {}});
    const auto got = value_of(store, "b\x01");
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().category == errc::corrupt);
    CHECK(got.error().subject == "b\x01");
    CHECK_THAT(got.error().message, Catch::Contains("b\\x01") && Catch::Contains("numbers"));

    const auto all = scan_prefix(store, "");
    CHECK(all.keys == std::vector<std::string>{"a", "c"});
    REQUIRE(all.failed.has_value());
    CHECK(all.failed->category == errc::corrupt);
    CHECK(all.failed->subject == "b\x01");

    REQUIRE(put_number(store, "b\x01", 2));
    CHECK_FALSE(scan_prefix(store, "").failed.has_value());
}

TEST_CASE("F39 a damaged record is not held against a scan of another prefix") {
    store_type store{map_backend{}};
    for (const auto* key : {"a1", "c1"}) {
        REQUIRE(put_number(store, key, 0));
    }
    put_bytes(store, row("numbers", "b1"), "\1damaged");
    CHECK_FALSE(scan_prefix(store, "a").failed.has_value());
    CHECK(scan_prefix(store, "a").keys == std::vector<std::string>{"a1"});
    CHECK(scan_prefix(store, "b").failed.has_value());
    CHECK_FALSE(scan_prefix(store, "c").failed.has_value());
    CHECK(scan_prefix(store, "").failed.has_value());
}

TEST_CASE("F39 fields of a newer version survive a change through a byte backend") {
    store_type store{map_backend{}};
    const note newer{"text", "reply", {{{"later", "\4new"}}}};
    REQUIRE(put<notes>(store, "n", newer));
    REQUIRE(store.write([](auto& txn) -> result<void> {
        auto found = txn.template get<notes>("n");
        if (!found) {
            return podscope::fail(found);
        }
        note changed = **found;
        changed.text = "changed";
        return txn.template put<notes>("n", changed);
    }));
    CHECK(value_of<notes>(store, "n").value() == note{"changed", "reply", newer.unknown});
}

TEST_CASE("an error of the backend is handed on") {
    store_type store{map_backend{}};
    const auto failed = store.write(
        [](auto&) -> result<int> { return podscope::fail({.category = errc::unavailable}); });
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().category == errc::unavailable);
}

TEST_CASE("F39 of several damaged records a scan names the first, and no byte of its key is lost") {
    store_type store{map_backend{}};
    REQUIRE(put_number(store, "c", 3));
    put_bytes(store, row("numbers", "a\x7F\x1F"), "\1damaged");
    put_bytes(store, row("numbers", "b"), "\1damaged");
    const auto all = scan_prefix(store, "");
    CHECK(all.keys == std::vector<std::string>{"c"});
    REQUIRE(all.failed.has_value());
    CHECK(all.failed->subject == "a\x7F\x1F");
    CHECK_THAT(all.failed->message, Catch::Contains("'a\\x7f\\x1f'"));
}

TEST_CASE("no row hangs on a lease where a store has none") {
    store_type store{map_backend{}};
    REQUIRE(store.write(
        [](auto& txn) { return podscope::put_leased<numbers>(txn, "a", number{1, {}}); }));
    for (const auto* key : {"a", "missing"}) {
        CHECK_FALSE(
            store.read([&](auto& txn) { return podscope::is_leased<numbers>(txn, key); }).value());
    }
    CHECK(value_of(store, "a").value() == number{1, {}});
}
