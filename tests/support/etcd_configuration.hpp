// SPDX-License-Identifier: BSL-1.0
// A runtime over an etcd of the test's own.
#pragma once

#include "backend/etcd_raw.hpp"
#include "backend/etcd_wire.hpp"
#include "support/configurations.hpp"
#include "support/etcd_server.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/backend/etcd_layout.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/session/file.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_test {

/// Each has a place of its own in the one server of the process.
struct in_etcd {
    static constexpr const char* name = "etcd";
    static constexpr const char* family = "etcd";
    static constexpr const char* tag = "[etcd]";
    using store = podscope::etcd_store;
    using sessions = podscope::file_sessions;

    [[nodiscard]] static bool is_there() { return etcd_server::is_installed(); }

    [[nodiscard]] store open() const { return open_at({endpoint()}); }

    [[nodiscard]] store open_at(std::vector<std::string> endpoints) const {
        return must(podscope::open_etcd_store({.endpoints = std::move(endpoints),
                                               .prefix = prefix,
                                               .deadline = deadline,
                                               .freshness = freshness,
                                               .lease_term = lease_term},
                                              wire.dialler()));
    }

    [[nodiscard]] sessions open_sessions() const {
        return must(sessions::open(folder / "sessions"));
    }

    [[nodiscard]] std::string endpoint() const { return at.empty() ? server().endpoint() : at; }

    [[nodiscard]] static const etcd_server& server() {
        static const etcd_server only;
        return only;
    }

    [[nodiscard]] static std::string next_prefix() {
        static int made = 0;
        return "place" + std::to_string(++made) + "/";
    }

    std::string at{}; // where its server is, if it is another one
    std::chrono::milliseconds deadline{std::chrono::seconds{10}};
    std::chrono::milliseconds freshness{0};
    std::chrono::seconds lease_term{0};
    temporary_folder folder{};
    std::string prefix{next_prefix()};
    backend_test::etcd_wire wire{podscope::etcd_over_http()};
};

/// With a watch, of which nothing but what it hears can be seen within a test's time.
struct in_watched_etcd : in_etcd {
    static constexpr const char* name = "watched etcd";

    in_watched_etcd() { freshness = std::chrono::hours{1}; }
};

/// Whose leases end when a test ends them, and not before.
struct in_leased_etcd : in_etcd {
    static constexpr const char* name = "leased etcd";

    in_leased_etcd() { lease_term = std::chrono::hours{1}; }

    /// Ends the lease that a pod's allocation hangs on, as the cluster does when it has run out.
    void end_lease_of(std::string_view pod) const {
        backend_test::raw_etcd raw{endpoint()};
        raw.end(
            raw.lease_of(podscope::backend_detail::etcd_layout{prefix}.rows +
                         podscope::backend_detail::lifted_key<podscope::tables::allocations>(pod)));
    }
};

/// The same in the one cluster of the process.
struct in_three_etcds : in_leased_etcd {
    static constexpr const char* name = "three etcds";

    [[nodiscard]] store open() const {
        static const etcd_cluster only;
        return open_at(only.endpoints());
    }
};

} // namespace podscope_test
