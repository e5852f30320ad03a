// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_json.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// The least key above another.
[[nodiscard]] inline std::string key_after(std::string_view key) {
    return std::string{key}.append(1, '\0');
}

/// What is known of an ordered map: all rows of some stretches of its keys, and nothing of the
/// rest. A stretch goes from one key up to another that is not in it.
class etcd_snapshot {
public:
    struct row {
        std::string value{};
        std::uint64_t changed{}; ///< the revision of its last change
        std::uint64_t lease{};   ///< what it hangs on; 0 for nothing
    };

    using rows = std::map<std::string, row, std::less<>>;

    /// The revision that all of it is of; 0 as long as nothing is known.
    [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

    void set_revision(std::uint64_t revision) noexcept { revision_ = revision; }

    /// The end of the stretch that a key is in; null if nothing is known of that key.
    [[nodiscard]] const std::string* known_until(std::string_view key) const noexcept {
        const auto above = stretches_.upper_bound(key);
        if (above == stretches_.begin()) {
            return nullptr;
        }
        const auto& end = std::prev(above)->second;
        return key < end ? &end : nullptr;
    }

    /// The row of a key that something is known of; null if there is none.
    [[nodiscard]] const row* find(std::string_view key) const noexcept {
        const auto found = rows_.find(key);
        return found == rows_.end() ? nullptr : &found->second;
    }

    /// The known rows from a key on.
    [[nodiscard]] rows::const_iterator from(std::string_view key) const noexcept {
        return rows_.lower_bound(key);
    }

    [[nodiscard]] rows::const_iterator end() const noexcept { return rows_.end(); }

    /// All known rows.
    [[nodiscard]] const rows& all() const noexcept { return rows_; }

    /// Adds a stretch with all of its rows. Rows that are known stay where they are in memory.
    void learn(std::string from, std::string to, const std::vector<etcd_row>& found) {
        for (const auto& one : found) {
            rows_.try_emplace(one.key, row{one.value, one.changed, one.lease});
        }
        add(std::move(from), std::move(to));
    }

    /// Adds a stretch as another snapshot has it.
    void learn(const std::string& from, const std::string& to, const etcd_snapshot& other) {
        rows_.insert(other.rows_.lower_bound(from), other.rows_.lower_bound(to));
        add(from, to);
    }

    /// Notes what a row has become; nothing if it is gone.
    void change(const std::string& key, std::optional<row> now) {
        if (now) {
            rows_.insert_or_assign(key, *std::move(now));
        } else {
            rows_.erase(key);
        }
        add(key, key_after(key));
    }

    void clear() noexcept {
        revision_ = 0;
        rows_.clear();
        stretches_.clear();
    }

private:
    void add(std::string from, std::string to) {
        auto next = stretches_.upper_bound(from);
        if (next != stretches_.begin() && std::prev(next)->second >= from) {
            --next;
            from = next->first;
        }
        while (next != stretches_.end() && next->first <= to) {
            to = std::max(to, next->second);
            next = stretches_.erase(next);
        }
        stretches_.insert_or_assign(std::move(from), std::move(to));
    }

    std::uint64_t revision_{0};
    rows rows_{};
    std::map<std::string, std::string, std::less<>> stretches_{};
};

/// What the rows were when they were last seen, by any transaction of a handle: to guess by which
/// rows the next one will ask for, and for nothing else. From several threads at once.
class etcd_memory {
public:
    using seen_row = std::pair<std::string, std::string>;

    [[nodiscard]] std::optional<std::string> value_of(std::string_view key) const {
        const std::lock_guard held{mutex_};
        const auto found = rows_.find(key);
        return found == rows_.end() ? std::nullopt : std::optional{found->second};
    }

    [[nodiscard]] std::optional<seen_row> first_from(std::string_view key) const {
        const std::lock_guard held{mutex_};
        const auto found = rows_.lower_bound(key);
        return found == rows_.end() ? std::nullopt : std::optional<seen_row>{*found};
    }

    /// Whether there is a row from a key on that is below another.
    [[nodiscard]] bool has_between(std::string_view from, std::string_view to) const {
        const std::lock_guard held{mutex_};
        const auto found = rows_.lower_bound(from);
        return found != rows_.end() && found->first < to;
    }

    /// Whether there is one, or there was and it was forgotten.
    [[nodiscard]] bool may_have_between(std::string_view from, std::string_view to) const {
        return has_forgotten_.load(std::memory_order_relaxed) || has_between(from, to);
    }

    void see(std::string_view from, std::string_view to, const std::vector<etcd_row>& found) {
        const std::lock_guard held{mutex_};
        rows_.erase(rows_.lower_bound(from), rows_.lower_bound(to));
        if (rows_.size() + found.size() > most_rows) {
            rows_.clear();
            has_forgotten_.store(true, std::memory_order_relaxed);
        }
        for (std::size_t i = 0; i != std::min(found.size(), most_rows); ++i) {
            rows_.insert_or_assign(found[i].key, found[i].value);
        }
    }

    void see(std::string_view key, const std::optional<std::string>& value) {
        const std::lock_guard held{mutex_};
        if (value) {
            rows_.insert_or_assign(std::string{key}, *value);
        } else if (const auto found = rows_.find(key); found != rows_.end()) {
            rows_.erase(found);
        }
    }

private:
    static constexpr std::size_t most_rows = 10'000;

    mutable std::mutex mutex_{};
    std::map<std::string, std::string, std::less<>> rows_{};
    std::atomic<bool> has_forgotten_{false};
};

} // namespace podscope::backend_detail
