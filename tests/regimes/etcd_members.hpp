// SPDX-License-Identifier: BSL-1.0
// An etcd of three members as the store of a regime.
#pragma once

#include "support/dying_cluster.hpp"
#include "support/etcd_server.hpp"
#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace regimes {

/// A cluster that is there for as long as this object; each "folder" is a place in it. Not more
/// than one at a time.
class etcd_members {
public:
    static constexpr const char* name = "etcd";

    /// How many histories there are in the short mode, and for how many seconds it goes on: it
    /// takes more time here than over a file.
    static constexpr std::uint64_t few_histories = 12;
    static constexpr std::uint64_t few_seconds = 12;

    /// How long what a process has stays when it was killed, and how long one may be stopped.
    static constexpr std::chrono::seconds lease_term{2};
    static constexpr std::chrono::seconds longest_stop{4};

    template <class Schema, podscope::durability = podscope::durability::power>
    using store = podscope::etcd_store;

    [[nodiscard]] static bool is_there() { return podscope_test::etcd_server::is_installed(); }

    etcd_members() : endpoints_{cluster_.endpoints()} { only_ = this; }

    etcd_members(const etcd_members&) = delete;
    etcd_members& operator=(const etcd_members&) = delete;

    ~etcd_members() { only_ = nullptr; }

    /// Nobody's lease ends.
    template <class Schema, podscope::durability = podscope::durability::power>
    [[nodiscard]] static store<Schema> open(const std::string& folder) {
        return open_for<Schema>(folder, std::chrono::hours{1});
    }

    /// Who is dead, or stands still for long, loses what it has.
    template <class Schema>
    [[nodiscard]] static store<Schema> open_for_life(const std::string& folder) {
        return open_for<Schema>(folder, lease_term);
    }

    /// Kills or stops a member, now any of them and now the one that leads.
    static void strike() {
        using podscope_test::blow;
        using podscope_test::victim;
        const auto next = only_->blows_++;
        only_->cluster_.strike(next % 2 == 0 ? blow::kill : blow::stop,
                               next % 4 < 2 ? victim::leader : victim::next);
    }

    /// Returns once all members that were struck are back: how many were.
    static std::size_t recover() { return only_->cluster_.strikes(); }

private:
    template <class Schema>
    [[nodiscard]] static store<Schema> open_for(const std::string& folder,
                                                std::chrono::seconds term) {
        // Each process asks another member first.
        auto endpoints = only_->endpoints_;
        const auto first = static_cast<std::size_t>(::getpid()) % endpoints.size();
        std::ranges::rotate(endpoints, endpoints.begin() + static_cast<std::ptrdiff_t>(first));
        return podscope_test::must(podscope::open_etcd_store({.endpoints = std::move(endpoints),
                                                              .prefix = folder + '/',
                                                              .deadline = std::chrono::seconds{6},
                                                              .lease_term = term},
                                                             podscope::etcd_over_http()));
    }

    static inline etcd_members* only_{};

    podscope_test::dying_cluster cluster_{};
    std::vector<std::string> endpoints_;
    std::size_t blows_{};
};

} // namespace regimes
