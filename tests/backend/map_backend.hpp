// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace backend_test {

/// The simplest byte backend: a map, and a copy of it for each transaction that writes.
class map_backend {
public:
    static constexpr podscope::durability durable = podscope::durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;

    using map = std::map<std::string, std::string, std::less<>>;

    class reader {
    public:
        explicit reader(const map& rows) : rows_{rows} {}

        [[nodiscard]] podscope::result<std::optional<std::string>> get(std::string_view key) const {
            const auto found = rows_.find(key);
            return found == rows_.end() ? std::nullopt : std::optional{found->second};
        }

        template <class Visitor>
        [[nodiscard]] podscope::result<void> scan(std::string_view from, Visitor&& visit) const {
            for (auto at = rows_.lower_bound(from); at != rows_.end(); ++at) {
                if (visit(std::string_view{at->first}, std::string_view{at->second}) ==
                    podscope::scan::stop) {
                    break;
                }
            }
            return {};
        }

    protected:
        map rows_;
    };

    class writer : public reader {
    public:
        using reader::reader;

        [[nodiscard]] podscope::result<void> put(std::string_view key, std::string_view value) {
            rows_.insert_or_assign(std::string{key}, std::string{value});
            return {};
        }

        [[nodiscard]] podscope::result<void> erase(std::string_view key) {
            if (const auto found = rows_.find(key); found != rows_.end()) {
                rows_.erase(found);
            }
            return {};
        }

        [[nodiscard]] map take() { return std::move(rows_); }
    };

    template <class F>
    [[nodiscard]] auto read(F&& body) {
        const std::lock_guard lock{state_->mutex};
        reader txn{state_->rows};
        return body(txn);
    }

    /// Something else commits before the next write does.
    void overtake_next(std::function<void()> commits) { state_->commits = std::move(commits); }

    // Runs each body twice, as a backend may after a conflict.
    template <class F>
    [[nodiscard]] auto write(F&& body) {
        std::unique_lock lock{state_->mutex};
        writer lost{state_->rows};
        (void)body(lost);
        if (const auto commits = std::exchange(state_->commits, nullptr)) {
            lock.unlock();
            commits();
            lock.lock();
        }
        writer txn{state_->rows};
        auto outcome = body(txn);
        if (outcome) {
            if (auto rows = txn.take(); rows != state_->rows) {
                state_->rows = std::move(rows);
                ++state_->generation;
            }
        }
        return outcome;
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return state_->generation; }

private:
    struct state {
        std::mutex mutex;
        map rows;
        std::function<void()> commits;
        std::atomic<std::uint64_t> generation{0};
    };

    std::shared_ptr<state> state_ = std::make_shared<state>();
};

} // namespace backend_test
