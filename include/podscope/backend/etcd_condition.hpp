// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/etcd_snapshot.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// What a transaction has read: single keys and stretches of keys. All of that has to be as it was
/// seen for its commit to count.
class etcd_condition {
public:
    using stretch = std::pair<std::string, std::string>;

    void clear() noexcept {
        keys_.clear();
        stretches_.clear();
        empty_.clear();
    }

    void add(std::string key) { keys_.insert(std::move(key)); }

    void add(std::string from, std::string to) {
        stretches_.emplace_back(std::move(from), std::move(to));
    }

    /// Besides, that there is no row in a stretch of which nothing was seen.
    void add_none(std::string from, std::string to) {
        empty_.emplace_back(std::move(from), std::move(to));
    }

    /// The comparisons by which etcd finds out. They notice a row that was changed, erased or put
    /// where there was none, of those that were read and of those that a scan would have met. That
    /// there is none where nothing was seen comes last, as that is the most work if it is not so.
    ///
    /// @param seen what was found; a key of which it knows nothing is one that has no row
    [[nodiscard]] std::vector<std::string> comparisons(const etcd_snapshot& seen) const {
        std::vector<std::string> made;
        const auto stretches = joined(stretches_);
        for (const auto& [from, to] : stretches) {
            made.push_back(etcd_is_before(from, to, seen.revision() + 1));
            for (auto row = seen.from(from); row != seen.end() && row->first < to; ++row) {
                made.push_back(etcd_is_of(row->first, row->second.changed));
            }
        }
        for (const auto& key : keys_) {
            const auto above = std::upper_bound(
                stretches.begin(), stretches.end(), key,
                [](const std::string& one, const stretch& other) { return one < other.first; });
            if (above == stretches.begin() || std::prev(above)->second <= key) {
                const auto* row = seen.find(key);
                made.push_back(etcd_is_of(key, row == nullptr ? 0 : row->changed));
            }
        }
        for (const auto& [from, to] : joined(empty_)) {
            made.push_back(etcd_is_before(from, to, 1));
        }
        return made;
    }

    /// What is known at the revision of a commit that has found all to be as it was seen.
    [[nodiscard]] etcd_snapshot found_at(std::uint64_t revision, const etcd_snapshot& seen) const {
        etcd_snapshot found;
        found.set_revision(revision);
        for (const auto& [from, to] : joined(stretches_)) {
            found.learn(from, to, seen);
        }
        for (const auto& key : keys_) {
            found.learn(key, key_after(key), seen);
        }
        return found;
    }

private:
    // In order, and without those that touch.
    [[nodiscard]] static std::vector<stretch> joined(std::vector<stretch> all) {
        std::sort(all.begin(), all.end());
        std::vector<stretch> made;
        for (auto& one : all) {
            if (one.first >= one.second) {
                continue;
            }
            if (!made.empty() && one.first <= made.back().second) {
                made.back().second = std::max(made.back().second, std::move(one.second));
            } else {
                made.push_back(std::move(one));
            }
        }
        return made;
    }

    std::set<std::string> keys_{};
    std::vector<stretch> stretches_{};
    std::vector<stretch> empty_{};
};

} // namespace podscope::backend_detail
