// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/verify/fiber_switch.hpp>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define PODSCOPE_FIBER_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PODSCOPE_FIBER_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef PODSCOPE_FIBER_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace podscope::verify {

/// A stack for a fiber, with a page below it that ends the program instead of letting it overflow.
class fiber_stack {
public:
    static constexpr std::size_t size = std::size_t{1} << 20;

    /// Throws std::system_error if there is no memory.
    fiber_stack()
        : at_{::mmap(nullptr,
                     size,
                     PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE,
                     -1,
                     0)} {
        if (at_ == MAP_FAILED || ::mprotect(at_, guard, PROT_NONE) != 0) {
            throw std::system_error{errno, std::generic_category(), "no stack for a fiber"};
        }
    }

    fiber_stack(const fiber_stack&) = delete;
    fiber_stack& operator=(const fiber_stack&) = delete;

    ~fiber_stack() { ::munmap(at_, size); }

    [[nodiscard]] void* bottom() const noexcept { return static_cast<char*>(at_) + guard; }

    [[nodiscard]] static constexpr std::size_t room() noexcept { return size - guard; }

private:
    static constexpr std::size_t guard = 4096;

    void* at_;
};

/// A function that can be left in the middle, and gone on with later, by the thread that made it:
/// what lets one thread run the steps of several processes in whatever order it chooses.
///
/// Not to be left inside of a `catch`, nor while a lock is held that another fiber takes. A fiber
/// that is destroyed before it has ended leaves its stack as it stands: nothing on it is destroyed.
class fiber {
public:
    explicit fiber(std::function<void()> body) : body_{std::move(body)} {
        if (spare_.empty()) {
            stack_ = std::make_unique<fiber_stack>();
        } else {
            stack_ = std::move(spare_.back());
            spare_.pop_back();
        }
    }

    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;

    ~fiber() { spare_.push_back(std::move(stack_)); }

    /// Goes on with it until it leaves or ends. It has not ended before.
    void resume() {
        if (!begun_) {
            begun_ = true;
            entered_ = this;
            stacks_.prepare(stack_->bottom(), fiber_stack::room(), &fiber::enter);
        }
        switch_to_fiber();
    }

    /// From within: leaves it, until it is gone on with.
    void leave() {
#ifdef PODSCOPE_FIBER_ADDRESS_SANITIZER
        void* fake = nullptr;
        __sanitizer_start_switch_fiber(&fake, outer_bottom_, outer_size_);
        stacks_.leave();
        __sanitizer_finish_switch_fiber(fake, &outer_bottom_, &outer_size_);
#else
        stacks_.leave();
#endif
    }

    [[nodiscard]] bool has_ended() const noexcept { return ended_; }

private:
    static void enter() { entered_->run(); }

    void run() {
#ifdef PODSCOPE_FIBER_ADDRESS_SANITIZER
        __sanitizer_finish_switch_fiber(nullptr, &outer_bottom_, &outer_size_);
#endif
        body_();
        ended_ = true;
#ifdef PODSCOPE_FIBER_ADDRESS_SANITIZER
        __sanitizer_start_switch_fiber(nullptr, outer_bottom_, outer_size_);
#endif
        stacks_.leave();
    }

    void switch_to_fiber() {
#ifdef PODSCOPE_FIBER_ADDRESS_SANITIZER
        void* fake = nullptr;
        __sanitizer_start_switch_fiber(&fake, stack_->bottom(), fiber_stack::room());
        stacks_.enter();
        __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
        stacks_.enter();
#endif
    }

    // The one that is resumed for the first time: what a stack begins with takes no argument.
    inline static thread_local fiber* entered_ = nullptr;

    // To make one costs more than a short fiber does.
    inline static thread_local std::vector<std::unique_ptr<fiber_stack>> spare_{};

    std::function<void()> body_;
    std::unique_ptr<fiber_stack> stack_{};
    verify_detail::fiber_switch stacks_{};
    bool begun_ = false;
    bool ended_ = false;
#ifdef PODSCOPE_FIBER_ADDRESS_SANITIZER
    const void* outer_bottom_ = nullptr;
    std::size_t outer_size_ = 0;
#endif
};

} // namespace podscope::verify
