// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/store/records.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace podscope {

/// A living grandchild that a pod took over.
struct adoption {
    std::string child{};
    std::string from{}; ///< its former parent, whose own delegation has ended
    epoch granted{};
    std::vector<scope_rule> rules{}; ///< what it had been granted, and keeps

    friend bool operator==(const adoption&, const adoption&) = default;
};

namespace pod_detail {

template <class T>
void make_room(std::vector<T>& in, std::size_t more) {
    if (in.capacity() - in.size() < more) {
        in.reserve(std::max(in.size() + more, 2 * in.capacity()));
    }
}

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

} // namespace pod_detail

/// What a reconcile found and did.
struct reconcile_report {
    std::vector<ended_delegation> ended{};
    std::vector<adoption> adopted{};
    std::vector<std::string> kept{};         ///< children that stay as they are
    std::vector<std::string> undecided{};    ///< kept too: who they are now was not judged
    std::vector<notification> undelivered{}; ///< still in the outbox, to be offered again
    std::optional<error> delivery_error{};   ///< why the first of them was not delivered
    std::optional<error> lost_segment{};     ///< of a restore that went on in a fresh one instead

    /// Whether anything changed hands: false for a second reconcile of the same state.
    [[nodiscard]] bool changed() const noexcept { return !ended.empty() || !adopted.empty(); }
};

/// What a search for dead holders found and did.
struct stale_report {
    std::vector<ended_delegation> reclaimed{}; ///< back with the pods that had delegated them
    std::vector<adoption> adopted{};
    std::vector<std::string> dropped{};   ///< roots that left the registry; their records stay
    std::vector<std::string> overtaken{}; ///< dead, and dealt with by somebody else meanwhile
    std::vector<error> failed{};          ///< why a dead pod could not be dealt with

    [[nodiscard]] bool has_reclaimed(std::string_view pod) const noexcept {
        return std::ranges::find(reclaimed, pod, &ended_delegation::child) != reclaimed.end();
    }

    [[nodiscard]] bool changed() const noexcept {
        return !reclaimed.empty() || !adopted.empty() || !dropped.empty();
    }

    /// Makes sure that a merge with such a report needs no memory.
    void make_room_for(const stale_report& more) {
        pod_detail::make_room(reclaimed, more.reclaimed.size());
        pod_detail::make_room(adopted, more.adopted.size());
        pod_detail::make_room(dropped, more.dropped.size());
        pod_detail::make_room(overtaken, more.overtaken.size());
        pod_detail::make_room(failed, more.failed.size());
    }

    void merge(stale_report&& more) {
        pod_detail::append(reclaimed, std::move(more.reclaimed));
        pod_detail::append(adopted, std::move(more.adopted));
        pod_detail::append(dropped, std::move(more.dropped));
        pod_detail::append(overtaken, std::move(more.overtaken));
        pod_detail::append(failed, std::move(more.failed));
    }
};

} // namespace podscope
