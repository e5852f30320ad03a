// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "leveldb_database.hpp"

#include <podscope/backend/byte_backend.hpp>
#include <podscope/result.hpp>

#include <leveldb/db.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace plugged {

/// The state of the database when the transaction began, under the changes that it has made.
class leveldb_reader {
public:
    explicit leveldb_reader(const leveldb_database& database) : database_{&database} {
        options_.verify_checksums = true;
        options_.snapshot = database.db().GetSnapshot();
    }

    leveldb_reader(const leveldb_reader&) = delete;
    leveldb_reader& operator=(const leveldb_reader&) = delete;

    ~leveldb_reader() { database_->db().ReleaseSnapshot(options_.snapshot); }

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const {
        if (const auto changed = changes_.find(key); changed != changes_.end()) {
            return changed->second;
        }
        std::string value;
        const auto status = database_->db().Get(options_, {key.data(), key.size()}, &value);
        if (status.IsNotFound()) {
            return std::nullopt;
        }
        if (auto checked = database_->check(status); !checked) {
            return fail(checked);
        }
        return value;
    }

    template <class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        const std::unique_ptr<leveldb::Iterator> stored{database_->db().NewIterator(options_)};
        stored->Seek({from.data(), from.size()});
        auto changed = changes_.lower_bound(from);
        auto next = podscope::scan::next;
        while (next == podscope::scan::next && (stored->Valid() || changed != changes_.end())) {
            const int order = !stored->Valid()            ? 1
                              : changed == changes_.end() ? -1
                                                          : stored->key().compare(changed->first);
            if (order < 0) {
                next = visit(view(stored->key()), view(stored->value()));
            } else if (changed->second) {
                next = visit(std::string_view{changed->first}, std::string_view{*changed->second});
            }
            if (order <= 0) {
                stored->Next();
            }
            if (order >= 0) {
                ++changed;
            }
        }
        return database_->check(stored->status());
    }

protected:
    static std::string_view view(const leveldb::Slice& bytes) {
        return {bytes.data(), bytes.size()};
    }

    const leveldb_database* database_;
    leveldb::ReadOptions options_{};
    change_map changes_{};
};

class leveldb_writer : public leveldb_reader {
public:
    using leveldb_reader::leveldb_reader;

    [[nodiscard]] result<void> put(std::string_view key, std::string_view value) {
        changes_.insert_or_assign(std::string{key}, std::string{value});
        return {};
    }

    [[nodiscard]] result<void> erase(std::string_view key) {
        changes_.insert_or_assign(std::string{key}, std::nullopt);
        return {};
    }

    [[nodiscard]] const change_map& changes() const noexcept { return changes_; }
};

/// A handle of a database; its copies are handles of the same. Readers see the state that was there
/// when they began, and keep nobody waiting; writers wait for each other.
class leveldb_store {
public:
    static constexpr auto durable = podscope::durability::power;
    static constexpr auto reaches = podscope::reach::thread;

    using reader = leveldb_reader;
    using writer = leveldb_writer;

    explicit leveldb_store(std::shared_ptr<leveldb_database> database)
        : database_{std::move(database)} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) const {
        if (auto checked = database_->check_process(); !checked) {
            return fail(checked);
        }
        reader txn{*database_};
        return body(txn);
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) const {
        if (auto checked = database_->check_process(); !checked) {
            return fail(checked);
        }
        const std::lock_guard alone{database_->writing()};
        writer txn{*database_};
        auto done = body(txn);
        if (!done) {
            return done;
        }
        if (auto committed = database_->commit(txn.changes()); !committed) {
            return fail(committed);
        }
        return done;
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return database_->generation(); }

private:
    std::shared_ptr<leveldb_database> database_;
};

static_assert(podscope::byte_backend<leveldb_store> && podscope::has_generation<leveldb_store>);

} // namespace plugged
