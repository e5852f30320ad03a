// SPDX-License-Identifier: BSL-1.0
#include "backend/map_backend.hpp"
#include "support/catch.hpp"
#include "support/configurations.hpp"
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

using places = std::tuple<in_memory, in_bytes>;

} // namespace

#include "anywhere/pod_store.hpp"

namespace {

using namespace podscope_test::storing;

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
