// SPDX-License-Identifier: BSL-1.0
// What a pod store keeps of pods.
#pragma once

#include "support/anywhere.hpp"
#include "support/results.hpp"

#include <podscope/scope/lexical_path.hpp>
#include <podscope/store/pod_store.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test::storing {

using namespace podscope;

inline scope_rule rule(const char* target, permission access = permission::write) {
    return {must(lexical_path{}.resolve(target)), access, true};
}

inline pod_record record_of(const char* pod) {
    return {.pod = pod,
            .active_segment = "segment of " + std::string{pod},
            .manifest = {.allow = {rule("/ws")}, .deny = {rule("/ws/x")}, .authority = {rule("/")}},
            .delegated_from = "somebody",
            .granted = epoch{7},
            .peers = std::vector<std::string>{"a peer"},
            .unknown = {{{"later", "\x04xyz"}}}};
}

inline delegation delegation_to(const char* child, std::uint64_t granted) {
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

PODSCOPE_TEST_ANYWHERE("S8 setting the segment keeps children and manifest", "[store]") {
    const Place place;
    auto store = place.open();
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

PODSCOPE_TEST_ANYWHERE("S8 setting children keeps segment and manifest", "[store]") {
    const Place place;
    auto store = place.open();
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

PODSCOPE_TEST_ANYWHERE("S7 an update keeps what decides who may do what", "[store]") {
    const Place place;
    auto store = place.open();
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

PODSCOPE_TEST_ANYWHERE("I5 history and outbox outlive the record", "[store]") {
    const Place place;
    auto store = place.open();
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

PODSCOPE_TEST_ANYWHERE("I7 an epoch never comes back", "[store]") {
    const Place place;
    auto store = place.open();
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

PODSCOPE_TEST_ANYWHERE("I7 a record is spent once what its pod lived on has ended", "[store]") {
    const Place place;
    auto store = place.open();
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

} // namespace podscope_test::storing
