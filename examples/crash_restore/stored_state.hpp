// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/podscope.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/owner.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

/// What is stored about one pod.
struct stored_pod {
    std::optional<podscope::allocation> row{};
    std::optional<podscope::pod_record> record{};
    std::vector<podscope::deny_layer> layers{}; ///< those that the registry has
    std::vector<podscope::delegation> delegations{};
    std::vector<podscope::ended_delegation> history{};
    std::vector<podscope::notification> outbox{};
};

/// A rule that the registry keeps for one pod alone.
struct stored_claim {
    std::string pod{};
    podscope::scope_rule rule{};
};

/// What is stored about all pods at one moment, read in one transaction and by nobody's leave: from
/// the tables themselves.
struct stored_state {
    std::map<std::string, stored_pod, std::less<>> pods{};
    std::vector<stored_claim> claims{};
    /// For each region of the team who may write in it; nobody may if it is not there.
    std::map<std::string, podscope::ownership, std::less<>> owners{};
};

namespace state_detail {

template <class Table, class Txn, class F>
[[nodiscard]] podscope::result<void> each(Txn& txn, F&& f) {
    return txn.template scan<Table>({}, [&](std::string_view, const typename Table::record& one) {
        f(one);
        return podscope::scan::next;
    });
}

template <class Txn>
[[nodiscard]] podscope::result<void> read_claims(Txn& txn, std::vector<stored_claim>& claims) {
    namespace keys = podscope::registry_keys;
    podscope::result<void> read{};
    auto done = txn.template scan<podscope::tables::claims>(
        {}, [&](std::string_view key, const podscope::claim&) {
            auto what = keys::read_claim(key);
            auto rule = what ? what->rule() : podscope::fail(what);
            if (!rule) {
                read = podscope::fail(rule);
                return podscope::scan::stop;
            }
            claims.push_back({std::string{what->pod}, *std::move(rule)});
            return podscope::scan::next;
        });
    return done ? read : done;
}

template <class T>
[[nodiscard]] podscope::result<void> into(T& to, podscope::result<T> from) {
    if (!from) {
        return podscope::fail(from);
    }
    to = std::move(*from);
    return {};
}

template <class Txn>
[[nodiscard]] podscope::result<void> read_pods(Txn& txn, stored_state& state) {
    namespace tables = podscope::tables;
    auto done = each<tables::allocations>(
        txn, [&](const podscope::allocation& one) { state.pods[one.pod].row = one; });
    if (done) {
        done = each<tables::pods>(
            txn, [&](const podscope::pod_record& one) { state.pods[one.pod].record = one; });
    }
    return done ? read_claims(txn, state.claims) : done;
}

template <class Txn>
[[nodiscard]] podscope::result<void>
read_rest_of(Txn& txn, const std::string& pod, stored_pod& state) {
    const podscope::pod_store store{txn};
    auto done = into(state.layers, podscope::registry{txn}.layers_of(pod));
    if (done) {
        done = into(state.delegations, store.delegations_of(pod));
    }
    if (done) {
        done = into(state.history, store.history_of(pod));
    }
    if (done) {
        done = into(state.outbox, store.outbox_of(pod));
    }
    return done;
}

} // namespace state_detail

/// Reads the state of a runtime.
///
/// @param path_of gives the path of a file in a region
template <class World, class PathOf>
[[nodiscard]] podscope::result<stored_state>
read_state(World& world, const std::set<std::string>& regions, PathOf&& path_of) {
    std::map<std::string, podscope::resource> places;
    for (const auto& region : regions) {
        auto place = world.parts().names.resolve(path_of(region));
        if (!place) {
            return podscope::fail(place);
        }
        places.emplace(region, std::move(*place));
    }
    return world.parts().backend.read([&](auto& txn) -> podscope::result<stored_state> {
        stored_state state;
        if (auto done = state_detail::read_pods(txn, state); !done) {
            return podscope::fail(done);
        }
        for (auto& [pod, stored] : state.pods) {
            if (auto done = state_detail::read_rest_of(txn, pod, stored); !done) {
                return podscope::fail(done);
            }
        }
        for (const auto& [region, place] : places) {
            auto owner = podscope::owner_of(txn, place);
            if (!owner) {
                return podscope::fail(owner);
            }
            if (*owner) {
                state.owners.emplace(region, std::move(**owner));
            }
        }
        return state;
    });
}

} // namespace demo
