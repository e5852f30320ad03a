// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace podscope {

/// How an etcd cluster is reached, and what is kept there.
struct etcd_options {
    /// The client addresses of the cluster's members, as `http://host:port`, or `https://…` with
    /// TLS. One that does not answer is left for the next. A name is looked up by the system each
    /// time that a connection is made.
    std::vector<std::string> endpoints{"http://127.0.0.1:2379"};

    /// What every key of this store begins with. Stores of different prefixes know nothing of each
    /// other, provided that no prefix begins another.
    std::string prefix{"podscope/"};

    /// Who asks, where etcd's authentication is enabled. Empty for nobody.
    std::string user{};
    std::string password{};

    /// The cluster's id, if no other one may answer. In any case all endpoints have to be of one
    /// cluster: that of the first that has answered.
    std::optional<std::uint64_t> cluster{};

    /// How long a call may take, with all attempts.
    std::chrono::milliseconds deadline{std::chrono::seconds{10}};

    /// How long after its revocation a holder may still be told that it has a pod, by its own
    /// clock. With 0 it never is: each check asks the cluster. Otherwise a thread watches for
    /// commits, so that a check takes no request while nobody commits, and makes sure of the watch
    /// by a small request in each quarter of that time.
    std::chrono::milliseconds freshness{0};

    /// How long what hangs on this handle's lease stays once the process is dead, hangs, or is cut
    /// off: the allocations of its pods. 0 for no lease: then they stay until somebody ends them.
    ///
    /// The cluster may make it longer. A thread renews the lease five times in it. Choose it above
    /// the pauses of the program, and three times the cluster's election timeout or more: then a
    /// change of its leader ends nobody's lease unknown to him.
    std::chrono::seconds lease_term{0};

    /// How often a write is tried while others change what it has read.
    unsigned most_attempts{100};

    /// What the cluster allows in one transaction: its `--max-txn-ops`.
    std::size_t most_operations{128};
};

} // namespace podscope
