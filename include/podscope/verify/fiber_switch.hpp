// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#define PODSCOPE_FIBER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PODSCOPE_FIBER_THREAD_SANITIZER 1
#endif
#endif

#if defined(__x86_64__) && !defined(__SHSTK__) && !defined(PODSCOPE_FIBER_THREAD_SANITIZER)
#define PODSCOPE_FIBER_OWN_SWITCH 1
#else
#include <ucontext.h>
#endif

namespace podscope::verify::verify_detail {

#ifdef PODSCOPE_FIBER_OWN_SWITCH

// By the calling convention of the System V ABI: keeps what a call has to keep on the stack that is
// left, whose top goes to where %rdi points, and takes it from the one whose top is %rsi.
[[gnu::naked, gnu::noinline]] inline void switch_stacks(void** /*left*/, void* /*entered*/) {
    asm("pushq %rbp\n\t"
        "pushq %rbx\n\t"
        "pushq %r12\n\t"
        "pushq %r13\n\t"
        "pushq %r14\n\t"
        "pushq %r15\n\t"
        "movq %rsp, (%rdi)\n\t"
        "movq %rsi, %rsp\n\t"
        "popq %r15\n\t"
        "popq %r14\n\t"
        "popq %r13\n\t"
        "popq %r12\n\t"
        "popq %rbx\n\t"
        "popq %rbp\n\t"
        "ret");
}

/// Two stacks, of which one runs. Where the machine is known this asks nothing of the system, which
/// keeps a signal mask for each context otherwise, at two system calls for each switch.
class fiber_switch {
public:
    /// @param entry what runs on the stack; it does not return
    void prepare(void* bottom, std::size_t size, void (*entry)()) noexcept {
        constexpr std::uintptr_t alignment = 16;
        const auto end = reinterpret_cast<std::uintptr_t>(bottom) + size;
        auto** const top = reinterpret_cast<void**>(end - end % alignment);
        constexpr std::size_t kept = 6;
        top[-1] = nullptr; // where `entry` would return to
        top[-2] = reinterpret_cast<void*>(entry);
        for (std::size_t i = 0; i != kept; ++i) {
            *(top - 3 - i) = nullptr;
        }
        inside_ = top - 2 - kept;
    }

    void enter() noexcept { switch_stacks(&outside_, inside_); }

    void leave() noexcept { switch_stacks(&inside_, outside_); }

private:
    void* inside_ = nullptr;
    void* outside_ = nullptr;
};

#else

/// Two stacks, of which one runs.
class fiber_switch {
public:
    /// @param entry what runs on the stack; it does not return
    void prepare(void* bottom, std::size_t size, void (*entry)()) noexcept {
        ::getcontext(&inside_);
        inside_.uc_stack.ss_sp = bottom;
        inside_.uc_stack.ss_size = size;
        inside_.uc_link = nullptr;
        ::makecontext(&inside_, entry, 0);
    }

    void enter() noexcept { ::swapcontext(&outside_, &inside_); }

    void leave() noexcept { ::swapcontext(&inside_, &outside_); }

private:
    ucontext_t inside_{};
    ucontext_t outside_{};
};

#endif

} // namespace podscope::verify::verify_detail
