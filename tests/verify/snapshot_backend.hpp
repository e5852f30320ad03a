// SPDX-License-Identifier: BSL-1.0
// A store that lets transactions overlap and looks for conflicts when one commits: at all that it
// has read and written, or at less. And a store whose gets share one place in memory.
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_tables.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace verify_test {

enum class overlap_flaw {
    none,
    compares_no_reads,        ///< what is called snapshot isolation
    compares_no_scans,        ///< a row that was not there yet is no conflict
    keeps_what_a_run_has_put, ///< one that is run again begins with what it had put
};

class snapshot_backend {
public:
    static constexpr podscope::durability durable = podscope::durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;

    using map = std::map<std::string, std::string, std::less<>>;

    class reader {
    public:
        explicit reader(map rows) : rows_{std::move(rows)} {}

        [[nodiscard]] podscope::result<std::optional<std::string>> get(std::string_view key) {
            got_.emplace(key);
            const auto found = rows_.find(key);
            return found == rows_.end() ? std::nullopt : std::optional{found->second};
        }

        template <class Visitor>
        [[nodiscard]] podscope::result<void> scan(std::string_view from, Visitor&& visit) {
            has_scanned_ = true;
            for (auto at = rows_.lower_bound(from); at != rows_.end(); ++at) {
                if (visit(std::string_view{at->first}, std::string_view{at->second}) ==
                    podscope::scan::stop) {
                    break;
                }
            }
            return {};
        }

    protected:
        friend snapshot_backend;

        map rows_;
        std::set<std::string> got_{};
        bool has_scanned_ = false;
    };

    class writer : public reader {
    public:
        using reader::reader;

        [[nodiscard]] podscope::result<void> put(std::string_view key, std::string_view value) {
            rows_.insert_or_assign(std::string{key}, std::string{value});
            changes_.insert_or_assign(std::string{key}, std::string{value});
            return {};
        }

        [[nodiscard]] podscope::result<void> erase(std::string_view key) {
            rows_.erase(std::string{key});
            changes_.insert_or_assign(std::string{key}, std::nullopt);
            return {};
        }

    private:
        friend snapshot_backend;

        std::map<std::string, std::optional<std::string>> changes_{};
    };

    explicit snapshot_backend(overlap_flaw which) : is_{which} {}

    template <class F>
    [[nodiscard]] auto read(F&& body) {
        reader txn{rows()};
        return body(txn);
    }

    template <class F>
    [[nodiscard]] auto write(F&& body) {
        for (decltype(writer::changes_) kept;;) {
            const auto begun = state_->generation.load();
            writer txn{rows()};
            for (const auto& [key, value] : kept) {
                (void)(value ? txn.put(key, *value) : txn.erase(key));
            }
            auto outcome = body(txn);
            if (!outcome || txn.changes_.empty()) {
                return outcome;
            }
            const std::lock_guard alone{state_->mutex};
            if (conflicts(txn, begun)) {
                if (is_ == overlap_flaw::keeps_what_a_run_has_put) {
                    kept = std::move(txn.changes_);
                }
                continue;
            }
            const auto now = state_->generation.load() + 1;
            for (const auto& [key, value] : txn.changes_) {
                state_->changed_at[key] = now;
                if (value) {
                    state_->rows.insert_or_assign(key, *value);
                } else {
                    state_->rows.erase(key);
                }
            }
            state_->generation = now;
            return outcome;
        }
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return state_->generation; }

private:
    struct state {
        std::mutex mutex{};
        map rows{};
        std::map<std::string, std::uint64_t> changed_at{};
        std::atomic<std::uint64_t> generation{0};
    };

    [[nodiscard]] map rows() const {
        const std::lock_guard alone{state_->mutex};
        return state_->rows;
    }

    [[nodiscard]] bool conflicts(const writer& txn, std::uint64_t begun) const {
        const auto has_changed = [&](const std::string& key) {
            const auto at = state_->changed_at.find(key);
            return at != state_->changed_at.end() && at->second > begun;
        };
        bool found = false;
        for (const auto& [key, value] : txn.changes_) {
            found = found || has_changed(key);
        }
        for (const auto& key : txn.got_) {
            found = found || (is_ != overlap_flaw::compares_no_reads && has_changed(key));
        }
        const bool compares_scans =
            is_ != overlap_flaw::compares_no_reads && is_ != overlap_flaw::compares_no_scans;
        return found || (compares_scans && txn.has_scanned_ && state_->generation != begun);
    }

    overlap_flaw is_;
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

static_assert(podscope::byte_backend<snapshot_backend>);

template <class Txn>
class one_place_transaction {
public:
    explicit one_place_transaction(Txn& txn) : txn_{&txn} {}

    template <class T>
    podscope::result<const podscope::verify::kit_row*> get(std::string_view key) {
        auto row = txn_->template get<T>(key);
        if (!row) {
            return podscope::fail(row);
        }
        if (!*row) {
            return nullptr;
        }
        place_ = **row;
        return &place_;
    }

    template <class T, class Visitor>
    podscope::result<void> scan(std::string_view from, Visitor&& visit) {
        return txn_->template scan<T>(from, visit);
    }

    template <class T>
    podscope::result<void> put(std::string_view key, const podscope::verify::kit_row& value) {
        return txn_->template put<T>(key, value);
    }

    template <class T>
    podscope::result<void> erase(std::string_view key) {
        return txn_->template erase<T>(key);
    }

private:
    Txn* txn_;
    podscope::verify::kit_row place_{};
};

/// What a get gives is a pointer to where the next one puts what it finds.
template <class Store>
class one_place_store {
public:
    static constexpr podscope::durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;

    using reader = one_place_transaction<typename Store::reader>;
    using writer = one_place_transaction<typename Store::writer>;

    explicit one_place_store(Store store) : beneath_{std::move(store)} {}

    template <class F>
    std::invoke_result_t<F&, reader&> read(F&& body) {
        return beneath_.read([&](typename Store::reader& txn) {
            reader flawed{txn};
            return body(flawed);
        });
    }

    template <class F>
    std::invoke_result_t<F&, writer&> write(F&& body) {
        return beneath_.write([&](typename Store::writer& txn) {
            writer flawed{txn};
            return body(flawed);
        });
    }

private:
    Store beneath_;
};

} // namespace verify_test
