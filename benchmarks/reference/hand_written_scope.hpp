// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/permission.hpp>
#include <podscope/scope/reader_count.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/scope.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <utility>

namespace podscope_bench {

/// A scope that many threads read while one replaces it: podscope::shared_scope with no function
/// that takes a function. The scheme, the order of its steps and what it promises are those that
/// are explained there; the scope in it, which no template stands before, is the library's own.
class hand_written_scope {
public:
    explicit hand_written_scope(podscope::scope first)
        : copies_{std::move(first), podscope::scope{}} {}

    hand_written_scope(const hand_written_scope&) = delete;
    hand_written_scope& operator=(const hand_written_scope&) = delete;

    [[nodiscard]] podscope::permission
    permission_at(const podscope::resource& place) const noexcept {
        const podscope::reader_count::visit announced{readers_};
        return current_.load(std::memory_order_seq_cst)->permission_at(place);
    }

    [[nodiscard]] podscope::explanation explain(const podscope::resource& place) const {
        const podscope::reader_count::visit announced{readers_};
        return current_.load(std::memory_order_seq_cst)->explain(place);
    }

    void replace(podscope::scope next) noexcept {
        const std::lock_guard alone{writers_};
        podscope::scope& idle = copies_[current_index() == 0 ? 1 : 0];
        podscope::scope& old = copies_[current_index()];
        idle = std::move(next);
        current_.store(&idle, std::memory_order_seq_cst);
        readers_.wait_until_left();
        old = podscope::scope{};
    }

private:
    [[nodiscard]] std::size_t current_index() const noexcept {
        return current_.load(std::memory_order_relaxed) == &copies_[0] ? 0 : 1;
    }

    mutable podscope::reader_count readers_{};
    std::array<podscope::scope, 2> copies_{};
    std::atomic<const podscope::scope*> current_{&copies_[0]};
    std::mutex writers_{};
};

} // namespace podscope_bench
