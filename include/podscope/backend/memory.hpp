// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/rows.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <type_traits>

namespace podscope {

/// A store in the memory of one process, for tests and for pods that are threads.
///
/// Copies are handles of the same store. Reads run side by side, writes one at a time; a
/// transaction is never run twice. Not to be used in a forked copy of the process, which has a
/// store of its own from then on.
template <class Schema>
class basic_memory {
public:
    static constexpr durability durable = durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;
    /// Bodies of `write` run one after the other, each once.
    static constexpr bool in_turn = true;

    using reader = const rows_reader<Schema>;
    using writer = rows_writer<Schema>;

    basic_memory() : state_{std::make_shared<state>()} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, reader&> read(F&& body) const {
        const std::shared_lock lock{state_->mutex};
        reader txn{state_->rows};
        return std::forward<F>(body)(txn);
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write(F&& body) {
        const std::unique_lock lock{state_->mutex};
        writer txn{state_->rows};
        auto outcome = std::forward<F>(body)(txn);
        if (outcome && txn.has_changes()) {
            txn.keep();
            state_->generation.fetch_add(1, std::memory_order_release);
        }
        return outcome;
    }

    /// Moves with every commit. One load.
    [[nodiscard]] std::uint64_t generation() const noexcept {
        return state_->generation.load(std::memory_order_acquire);
    }

private:
    struct state {
        std::shared_mutex mutex;
        basic_rows<Schema> rows;
        std::atomic<std::uint64_t> generation{0};
    };

    std::shared_ptr<state> state_;
};

} // namespace podscope
