// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace podscope {

/// Says who is reading, so that a writer can wait until all who may have seen the old are gone.
///
/// Readers announce themselves in counters that are spread over cache lines, a thread always in
/// the same one, so that threads do not slow each other down. Each counter is there twice, and the
/// writer tells newcomers which to use: the other one can only fall, and its wait ends however many
/// newcomers there are.
class reader_count {
public:
    /// A reader's presence: from construction to destruction. Wait-free.
    class visit {
    public:
        explicit visit(reader_count& readers) noexcept
            : counter_{readers.counter_for_this_thread()} {
            counter_.fetch_add(1, std::memory_order_seq_cst);
        }

        ~visit() { counter_.fetch_sub(1, std::memory_order_release); }

        visit(const visit&) = delete;
        visit& operator=(const visit&) = delete;

    private:
        std::atomic<std::uint32_t>& counter_;
    };

    /// Returns once every visit that began before the call has ended. One caller at a time.
    ///
    /// Each counter is seen at zero once after the call began. A visit that stands in one keeps it
    /// above zero, so none that began before is left; that is so whichever of the pair a visit
    /// chose, however late. The order of the two waits is only for the sake of ending: the first
    /// is for the few who chose before the last change of side and were slow to announce it.
    void wait_until_left() noexcept {
        const unsigned old_side = side_.load(std::memory_order_relaxed);
        const unsigned new_side = 1U - old_side;
        wait_for(new_side);
        side_.store(new_side, std::memory_order_relaxed);
        wait_for(old_side);
    }

private:
    static constexpr std::size_t stripes = 16;
    // Two lines of 64 bytes: processors fetch them in pairs.
    static constexpr std::size_t apart = 128;

    struct alignas(apart) stripe {
        std::array<std::atomic<std::uint32_t>, 2> sides{};
    };

    [[nodiscard]] std::atomic<std::uint32_t>& counter_for_this_thread() noexcept {
        return stripes_[stripe_of_this_thread()].sides[side_.load(std::memory_order_relaxed)];
    }

    [[nodiscard]] static std::size_t stripe_of_this_thread() noexcept {
        static constinit std::atomic<std::size_t> handed_out{0};
        // One more than the stripe, so that it needs no dynamic initialisation.
        static constinit thread_local std::size_t mine = 0;
        if (mine == 0) {
            mine = handed_out.fetch_add(1, std::memory_order_relaxed) % stripes + 1;
        }
        return mine - 1;
    }

    void wait_for(unsigned side) noexcept {
        for (stripe& s : stripes_) {
            for (unsigned round = 0; s.sides[side].load(std::memory_order_seq_cst) != 0; ++round) {
                pause(round);
            }
        }
    }

    // Sleeps after a while, since a reader of lower priority on the same processor would never get
    // to its end otherwise.
    static void pause(unsigned round) noexcept {
        if (round < 64) {
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(std::chrono::microseconds{50});
        }
    }

    std::array<stripe, stripes> stripes_{};
    std::atomic<unsigned> side_{0};
};

} // namespace podscope
