// SPDX-License-Identifier: BSL-1.0
// Handles of a store in an etcd of the test's, and what is done by them again and again.
#pragma once

#include "support/etcd_server.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace backend_test {

[[nodiscard]] inline podscope::etcd_backend
open_at(const podscope_test::etcd_server& server,
        podscope::etcd_options options = {},
        podscope::etcd_dialler dial = podscope::etcd_over_http()) {
    options.endpoints = {server.endpoint()};
    return podscope_test::must(podscope::etcd_backend::open(options, std::move(dial)));
}

/// Where a kit opens its stores.
struct etcd_place {
    podscope::etcd_options options;

    [[nodiscard]] auto open() const {
        return podscope::etcd_backend::open(options, podscope::etcd_over_http());
    }
};

inline podscope::result<void>
put(podscope::etcd_backend& store, std::string_view key, std::string_view value = "any") {
    return store.write([&](podscope::etcd_writer& txn) { return txn.put(key, value); });
}

inline podscope::result<void> erase(podscope::etcd_backend& store, std::string_view key) {
    return store.write([&](podscope::etcd_writer& txn) { return txn.erase(key); });
}

[[nodiscard]] inline std::optional<std::string> value_at(const podscope::etcd_backend& store,
                                                         std::string_view key) {
    return podscope_test::must(
        store.read([&](podscope::etcd_reader& txn) { return txn.get(key); }));
}

/// Reads a number and puts one that is larger by one, which it answers.
inline podscope::result<int> add_one(podscope::etcd_writer& txn, std::string_view key) {
    auto found = txn.get(key);
    if (!found) {
        return podscope::fail(found);
    }
    const int next = *found ? std::stoi(**found) + 1 : 1;
    auto done = txn.put(key, std::to_string(next));
    return done ? podscope::result<int>{next} : podscope::fail(done);
}

inline podscope::result<int> add_one(podscope::etcd_backend& store, std::string_view key) {
    return store.write([&](podscope::etcd_writer& txn) { return add_one(txn, key); });
}

/// Has a watch, and a generation that is the same for as long as nobody commits.
[[nodiscard]] inline bool is_steady(const podscope::etcd_backend& store) {
    const auto before = store.generation();
    return store.is_warm() && store.generation() == before;
}

} // namespace backend_test
