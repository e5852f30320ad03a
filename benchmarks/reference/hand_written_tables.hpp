// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/rows.hpp>
#include <podscope/registry/records.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

using allocation_map = std::map<std::string, podscope::allocation, podscope::by_bytes>;
using claim_map = std::map<std::string, podscope::claim, podscope::by_bytes>;
using layer_map = std::map<std::string, podscope::standing_layer, podscope::by_bytes>;
using child_map = std::map<std::string, podscope::child_link, podscope::by_bytes>;
using segment_map = std::map<std::string, podscope::segment_hold, podscope::by_bytes>;

/// The five tables of the hand-written registry, under the keys of registry/keys.hpp.
struct hand_written_tables {
    allocation_map allocations{};
    claim_map claims{};
    layer_map layers{};
    child_map children{};
    segment_map segments{};
};

/// Changes the tables in place and can take every change back: what podscope::rows_writer is for
/// any schema, spelt out for these five tables. Each block is the one above it with another record.
///
/// Ends in `keep()`; destroyed without it, it puts the rows back as they were, which allocates
/// nothing and cannot fail.
class hand_written_transaction {
public:
    explicit hand_written_transaction(hand_written_tables& tables) noexcept : tables_{&tables} {}

    hand_written_transaction(const hand_written_transaction&) = delete;
    hand_written_transaction& operator=(const hand_written_transaction&) = delete;

    ~hand_written_transaction() {
        take_back_allocations();
        take_back_claims();
        take_back_layers();
        take_back_children();
        take_back_segments();
    }

    [[nodiscard]] const hand_written_tables& tables() const noexcept { return *tables_; }

    void put_allocation(std::string_view key, podscope::allocation value) {
        auto& rows = tables_->allocations;
        if (allocations_.size() == allocations_.capacity()) {
            allocations_.reserve(more_than(allocations_.size()));
        }
        auto at = rows.lower_bound(key);
        allocation_map::node_type before;
        if (at != rows.end() && at->first == key) {
            before = rows.extract(at++);
        }
        try {
            at = rows.emplace_hint(at, key, std::move(value));
        } catch (...) {
            if (before) {
                rows.insert(std::move(before));
            }
            throw;
        }
        allocations_.push_back({.added = &at->first, .before = std::move(before)});
    }

    void erase_allocation(std::string_view key) {
        auto& rows = tables_->allocations;
        if (const auto at = rows.find(key); at != rows.end()) {
            if (allocations_.size() == allocations_.capacity()) {
                allocations_.reserve(more_than(allocations_.size()));
            }
            allocations_.push_back({.added = nullptr, .before = rows.extract(at)});
        }
    }

    void put_claim(std::string_view key, podscope::claim value) {
        auto& rows = tables_->claims;
        if (claims_.size() == claims_.capacity()) {
            claims_.reserve(more_than(claims_.size()));
        }
        auto at = rows.lower_bound(key);
        claim_map::node_type before;
        if (at != rows.end() && at->first == key) {
            before = rows.extract(at++);
        }
        try {
            at = rows.emplace_hint(at, key, std::move(value));
        } catch (...) {
            if (before) {
                rows.insert(std::move(before));
            }
            throw;
        }
        claims_.push_back({.added = &at->first, .before = std::move(before)});
    }

    void erase_claim(std::string_view key) {
        auto& rows = tables_->claims;
        if (const auto at = rows.find(key); at != rows.end()) {
            if (claims_.size() == claims_.capacity()) {
                claims_.reserve(more_than(claims_.size()));
            }
            claims_.push_back({.added = nullptr, .before = rows.extract(at)});
        }
    }

    void put_layer(std::string_view key, podscope::standing_layer value) {
        auto& rows = tables_->layers;
        if (layers_.size() == layers_.capacity()) {
            layers_.reserve(more_than(layers_.size()));
        }
        auto at = rows.lower_bound(key);
        layer_map::node_type before;
        if (at != rows.end() && at->first == key) {
            before = rows.extract(at++);
        }
        try {
            at = rows.emplace_hint(at, key, std::move(value));
        } catch (...) {
            if (before) {
                rows.insert(std::move(before));
            }
            throw;
        }
        layers_.push_back({.added = &at->first, .before = std::move(before)});
    }

    void erase_layer(std::string_view key) {
        auto& rows = tables_->layers;
        if (const auto at = rows.find(key); at != rows.end()) {
            if (layers_.size() == layers_.capacity()) {
                layers_.reserve(more_than(layers_.size()));
            }
            layers_.push_back({.added = nullptr, .before = rows.extract(at)});
        }
    }

    void put_child(std::string_view key, podscope::child_link value) {
        auto& rows = tables_->children;
        if (children_.size() == children_.capacity()) {
            children_.reserve(more_than(children_.size()));
        }
        auto at = rows.lower_bound(key);
        child_map::node_type before;
        if (at != rows.end() && at->first == key) {
            before = rows.extract(at++);
        }
        try {
            at = rows.emplace_hint(at, key, std::move(value));
        } catch (...) {
            if (before) {
                rows.insert(std::move(before));
            }
            throw;
        }
        children_.push_back({.added = &at->first, .before = std::move(before)});
    }

    void erase_child(std::string_view key) {
        auto& rows = tables_->children;
        if (const auto at = rows.find(key); at != rows.end()) {
            if (children_.size() == children_.capacity()) {
                children_.reserve(more_than(children_.size()));
            }
            children_.push_back({.added = nullptr, .before = rows.extract(at)});
        }
    }

    void put_segment(std::string_view key, podscope::segment_hold value) {
        auto& rows = tables_->segments;
        if (segments_.size() == segments_.capacity()) {
            segments_.reserve(more_than(segments_.size()));
        }
        auto at = rows.lower_bound(key);
        segment_map::node_type before;
        if (at != rows.end() && at->first == key) {
            before = rows.extract(at++);
        }
        try {
            at = rows.emplace_hint(at, key, std::move(value));
        } catch (...) {
            if (before) {
                rows.insert(std::move(before));
            }
            throw;
        }
        segments_.push_back({.added = &at->first, .before = std::move(before)});
    }

    void erase_segment(std::string_view key) {
        auto& rows = tables_->segments;
        if (const auto at = rows.find(key); at != rows.end()) {
            if (segments_.size() == segments_.capacity()) {
                segments_.reserve(more_than(segments_.size()));
            }
            segments_.push_back({.added = nullptr, .before = rows.extract(at)});
        }
    }

    [[nodiscard]] bool has_changes() const noexcept {
        return !allocations_.empty() || !claims_.empty() || !layers_.empty() ||
               !children_.empty() || !segments_.empty();
    }

    /// Makes the changes last.
    void keep() noexcept {
        allocations_.clear();
        claims_.clear();
        layers_.clear();
        children_.clear();
        segments_.clear();
    }

private:
    // What was done, such that it can be undone by moving nodes alone: the key in the new row's
    // node, null if there is none; and the row that was there, empty if there was none.
    struct allocation_change {
        const std::string* added;
        allocation_map::node_type before;
    };

    struct claim_change {
        const std::string* added;
        claim_map::node_type before;
    };

    struct layer_change {
        const std::string* added;
        layer_map::node_type before;
    };

    struct child_change {
        const std::string* added;
        child_map::node_type before;
    };

    struct segment_change {
        const std::string* added;
        segment_map::node_type before;
    };

    // Room for the note is made before anything is changed, so that making the note cannot fail.
    [[nodiscard]] static std::size_t more_than(std::size_t size) noexcept { return 2 * size + 8; }

    void take_back_allocations() noexcept {
        auto& rows = tables_->allocations;
        while (!allocations_.empty()) {
            allocation_change& last = allocations_.back();
            if (last.added != nullptr) {
                rows.erase(rows.find(*last.added));
            }
            if (last.before) {
                rows.insert(std::move(last.before));
            }
            allocations_.pop_back();
        }
    }

    void take_back_claims() noexcept {
        auto& rows = tables_->claims;
        while (!claims_.empty()) {
            claim_change& last = claims_.back();
            if (last.added != nullptr) {
                rows.erase(rows.find(*last.added));
            }
            if (last.before) {
                rows.insert(std::move(last.before));
            }
            claims_.pop_back();
        }
    }

    void take_back_layers() noexcept {
        auto& rows = tables_->layers;
        while (!layers_.empty()) {
            layer_change& last = layers_.back();
            if (last.added != nullptr) {
                rows.erase(rows.find(*last.added));
            }
            if (last.before) {
                rows.insert(std::move(last.before));
            }
            layers_.pop_back();
        }
    }

    void take_back_children() noexcept {
        auto& rows = tables_->children;
        while (!children_.empty()) {
            child_change& last = children_.back();
            if (last.added != nullptr) {
                rows.erase(rows.find(*last.added));
            }
            if (last.before) {
                rows.insert(std::move(last.before));
            }
            children_.pop_back();
        }
    }

    void take_back_segments() noexcept {
        auto& rows = tables_->segments;
        while (!segments_.empty()) {
            segment_change& last = segments_.back();
            if (last.added != nullptr) {
                rows.erase(rows.find(*last.added));
            }
            if (last.before) {
                rows.insert(std::move(last.before));
            }
            segments_.pop_back();
        }
    }

    hand_written_tables* tables_;
    std::vector<allocation_change> allocations_{};
    std::vector<claim_change> claims_{};
    std::vector<layer_change> layers_{};
    std::vector<child_change> children_{};
    std::vector<segment_change> segments_{};
};

} // namespace podscope_bench
