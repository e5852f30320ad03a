// SPDX-License-Identifier: BSL-1.0
#include "backend/map_backend.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/store/pod_store.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using namespace podscope;

using stores = std::tuple<basic_memory<pod_schema>, lifted<backend_test::map_backend>>;

template <class Store>
Store make_store() {
    if constexpr (std::is_same_v<Store, lifted<backend_test::map_backend>>) {
        return Store{backend_test::map_backend{}};
    } else {
        return Store{};
    }
}

scope_rule rule(const char* target, permission access = permission::write) {
    return {must(lexical_path{}.resolve(target)), access, true};
}

pod_record record_of(const char* pod) {
    return {.pod = pod,
            .active_segment = "segment of " + std::string{pod},
            .manifest = {.allow = {rule("/ws")}, .deny = {rule("/ws/x")}, .authority = {rule("/")}},
            .delegated_from = "somebody",
            .granted = epoch{7},
            .peers = std::vector<std::string>{"a peer"},
            .unknown = {{{"later", "\x04xyz"}}}};
}

delegation delegation_to(const char* child, std::uint64_t granted) {
    return {.child = child, .granted = epoch{granted}, .rules = {rule("/ws/a")}};
}

/// One write, one read.
template <class Store, class F>
auto write(Store& store, F&& body) {
    return store.write([&](auto& txn) {
        pod_store pods{txn};
        return body(pods);
    });
}

template <class Store, class F>
auto read(Store& store, F&& body) {
    return store.read([&](auto& txn) {
        const pod_store pods{txn};
        return body(pods);
    });
}

TEMPLATE_LIST_TEST_CASE("S8 setting the segment keeps children and manifest", "[store]", stores) {
    auto store = make_store<TestType>();
    const auto before = record_of("pod");
    must(write(store, [&](auto& pods) -> result<void> {
        must(pods.put(before));
        return pods.put_delegation("pod", delegation_to("child", 8));
    }));
    must(write(store, [](auto& pods) { return pods.set_active_segment("pod", "the next one"); }));
    auto wanted = before;
    wanted.active_segment = "the next one";
    CHECK(must(read(store, [](auto& pods) { return pods.require("pod"); })) == wanted);
    CHECK(must(read(store, [](auto& pods) { return pods.delegations_of("pod"); })) ==
          std::vector{delegation_to("child", 8)});
    CHECK(why_not(write(store, [](auto& pods) {
              return pods.set_active_segment("nobody", "the next one");
          })) == errc::unknown_pod);
}

TEMPLATE_LIST_TEST_CASE("S8 setting children keeps segment and manifest", "[store]", stores) {
    auto store = make_store<TestType>();
    const auto before = record_of("pod");
    must(write(store, [&](auto& pods) { return pods.put(before); }));
    must(
        write(store, [](auto& pods) { return pods.put_delegation("pod", delegation_to("b", 8)); }));
    must(
        write(store, [](auto& pods) { return pods.put_delegation("pod", delegation_to("a", 9)); }));
    must(write(store,
               [](auto& pods) { return pods.put_delegation("pod", delegation_to("b", 10)); }));
    must(
        write(store, [](auto& pods) { return pods.put_delegation("po", delegation_to("d", 11)); }));
    CHECK(must(read(store, [](auto& pods) { return pods.require("pod"); })) == before);
    CHECK(must(read(store, [](auto& pods) { return pods.delegations_of("pod"); })) ==
          std::vector{delegation_to("a", 9), delegation_to("b", 10)});
    must(write(store, [](auto& pods) { return pods.erase_delegation("pod", "a"); }));
    CHECK_FALSE(must(read(store, [](auto& pods) { return pods.find_delegation("pod", "a"); })));
    CHECK(must(read(store, [](auto& pods) { return pods.find_delegation("pod", "b"); })) ==
          delegation_to("b", 10));
}

TEMPLATE_LIST_TEST_CASE("S7 an update keeps what decides who may do what", "[store]", stores) {
    auto store = make_store<TestType>();
    const auto before = record_of("pod");
    must(write(store, [&](auto& pods) { return pods.put(before); }));
    must(update_pod(store, "pod", [](pod_record& one) {
        one = {.pod = "another",
               .active_segment = "stolen",
               .manifest = {.allow = {rule("/")}},
               .granted = epoch{99},
               .peers = std::vector<std::string>{"new"}};
    }));
    auto wanted = before;
    wanted.peers = std::vector<std::string>{"new"};
    wanted.unknown = {};
    CHECK(must(read(store, [](auto& pods) { return pods.require("pod"); })) == wanted);
    CHECK_FALSE(must(read(store, [](auto& pods) { return pods.find("another"); })));
    CHECK(why_not(update_pod(store, "nobody", [](pod_record&) {})) == errc::unknown_pod);
}

TEMPLATE_LIST_TEST_CASE("I5 history and outbox outlive the record", "[store]", stores) {
    auto store = make_store<TestType>();
    const ended_delegation late{.child = "x", .granted = epoch{300}, .reason = end_reason::missing};
    const ended_delegation soon{.child = "y", .granted = epoch{2}, .reason = end_reason::revoked};
    must(write(store, [&](auto& pods) -> result<void> {
        must(pods.put(record_of("pod")));
        must(pods.archive("pod", late));
        must(pods.archive("pod", soon));
        must(pods.archive("po", late));
        must(pods.queue({.id = "second in name", .pod = "pod"}));
        return pods.queue({.id = "first in name", .pod = "pod"});
    }));
    must(write(store, [](auto& pods) { return pods.erase("pod"); }));
    CHECK(why_not(read(store, [](auto& pods) { return pods.require("pod"); })) ==
          errc::unknown_pod);
    CHECK(must(read(store, [](auto& pods) { return pods.history_of("pod"); })) ==
          std::vector{soon, late});
    const auto waiting = must(read(store, [](auto& pods) { return pods.outbox_of("pod"); }));
    REQUIRE(waiting.size() == 2);
    CHECK(waiting.front().id == "second in name");
    CHECK(waiting.front().sequence < waiting.back().sequence);
    must(write(store, [&](auto& pods) { return pods.acknowledge(waiting.front()); }));
    must(write(store, [&](auto& pods) { return pods.acknowledge(waiting.front()); }));
    CHECK(must(read(store, [](auto& pods) { return pods.outbox_of("pod"); })) ==
          std::vector{waiting.back()});
}

TEMPLATE_LIST_TEST_CASE("I7 an epoch never comes back", "[store]", stores) {
    auto store = make_store<TestType>();
    const auto next = [&] { return write(store, [](auto& pods) { return pods.next_epoch(); }); };
    auto last = must(next());
    CHECK(last > epoch::none);
    for (int i = 0; i != 300; ++i) {
        const auto one = must(next());
        CHECK(one > last);
        last = one;
    }
    // One that a failed transaction took was nobody's.
    const auto lost = write(store, [](auto& pods) -> result<void> {
        (void)must(pods.next_epoch());
        return fail({.category = errc::conflict});
    });
    CHECK_FALSE(lost);
    CHECK(must(next()) > last);
}

TEMPLATE_LIST_TEST_CASE("I7 a record is spent once what its pod lived on has ended",
                        "[store]",
                        stores) {
    auto store = make_store<TestType>();
    auto record = record_of("pod");
    const auto is_spent = [&] {
        return must(read(store, [&](auto& pods) { return pods.is_spent(record); }));
    };
    CHECK(is_spent());
    must(write(store, [](auto& pods) {
        return pods.put_delegation("somebody", delegation_to("pod", 7));
    }));
    CHECK_FALSE(is_spent());
    must(write(store, [](auto& pods) {
        return pods.put_delegation("somebody", delegation_to("pod", 8));
    }));
    CHECK(is_spent());
    record.delegated_from.clear();
    CHECK_FALSE(is_spent());
}

TEST_CASE("F39 a record that says that it is another's is corrupt and hides no other", "[store]") {
    basic_memory<pod_schema> store;
    must(store.write([](auto& txn) -> result<void> {
        must(txn.template put<tables::pods>("a", record_of("a")));
        must(txn.template put<tables::pods>("b", record_of("c")));
        return txn.template put<tables::pods>("d", record_of("d"));
    }));
    const auto wrong = error_of(read(store, [](auto& pods) { return pods.find("b"); }));
    CHECK(wrong.category == errc::corrupt);
    CHECK(wrong.subject == "b");
    CHECK(why_not(write(store, [](auto& pods) { return pods.set_active_segment("b", "s"); })) ==
          errc::corrupt);
    CHECK(why_not(update_pod(store, "b", [](pod_record&) {})) == errc::corrupt);
    CHECK(must(read(store, [](auto& pods) { return pods.require("a"); })).pod == "a");
    CHECK(must(read(store, [](auto& pods) { return pods.require("d"); })).pod == "d");
}

// The same in bytes, where a record may be anything.

using bytes_store = lifted<backend_test::map_backend>;

void put_bytes(bytes_store& store, const std::string& table, const char* key, std::string value) {
    must(store.bytes().write(
        [&](auto& txn) { return txn.put(table + '\0' + key, std::string{value}); }));
}

TEST_CASE("F39 fields of a newer version survive every update", "[store]") {
    bytes_store store{backend_test::map_backend{}};
    auto before = record_of("pod");
    before.manifest.unknown = {{{"newer", "\x01\x01"}}};
    must(write(store, [&](auto& pods) { return pods.put(before); }));
    must(write(store, [](auto& pods) { return pods.set_active_segment("pod", "next"); }));
    must(update_pod(store, "pod", [](pod_record& one) { one.peers.reset(); }));
    const auto after = must(read(store, [](auto& pods) { return pods.require("pod"); }));
    CHECK(after.unknown == before.unknown);
    CHECK(after.manifest == before.manifest);
    CHECK_FALSE(after.peers);
}

TEST_CASE("F39 a record that cannot be read is an error of its own and of no other", "[store]") {
    bytes_store store{backend_test::map_backend{}};
    must(write(store, [](auto& pods) -> result<void> {
        for (const auto* pod : {"a", "m", "z"}) {
            must(pods.put(record_of(pod)));
            must(pods.put_delegation(pod, delegation_to("child", 8)));
        }
        return {};
    }));
    for (const auto& damage : {std::string{}, std::string{"\x01"}, std::string{"\x01garbage"},
                               std::string(99, '\x01')}) {
        put_bytes(store, "pods", "m", damage);
        CHECK(why_not(read(store, [](auto& pods) { return pods.find("m"); })) == errc::corrupt);
    }
    put_bytes(store, "pods", "m", std::string{"\x63"} + "later");
    CHECK(why_not(read(store, [](auto& pods) { return pods.find("m"); })) ==
          errc::unsupported_version);
    const std::string row = std::string{"m\0child", 7};
    must(store.bytes().write(
        [&](auto& txn) { return txn.put(std::string{"delegations\0", 12} + row, "\x01garbage"); }));
    CHECK(why_not(read(store, [](auto& pods) { return pods.delegations_of("m"); })) ==
          errc::corrupt);
    for (const auto* pod : {"a", "z"}) {
        CHECK(must(read(store, [&](auto& pods) { return pods.require(pod); })).pod == pod);
        CHECK(must(read(store, [&](auto& pods) { return pods.delegations_of(pod); })).size() == 1);
    }
}

TEST_CASE("F39 a record without what is optional is whole and without what is not is corrupt",
          "[store]") {
    bytes_store store{backend_test::map_backend{}};
    const pod_record bare{.pod = "pod", .granted = epoch{1}};
    put_bytes(store, "pods", "pod", encode_record(bare));
    CHECK(must(read(store, [](auto& pods) { return pods.require("pod"); })) == bare);
    // Of another type altogether, and so without the name.
    put_bytes(store, "pods", "pod", encode_record(counter{.last = 3}));
    const auto wrong = error_of(read(store, [](auto& pods) { return pods.find("pod"); }));
    CHECK(wrong.category == errc::corrupt);
}

} // namespace
