// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <string_view>

namespace backend_test {

/// A system call that a store makes on its files.
enum class system_call { open, read, write, cut, sync, rename, unlink };

/// What is to happen to one of them.
struct fate {
    enum class kind {
        goes_through,
        fails,         ///< with `error`, and has no effect
        stops_short,   ///< reads or writes one byte of what was asked for
        killed_before, ///< the process is killed, and the call was not made
        killed_after,  ///< the process is killed, and the call was made
    };

    kind what = kind::goes_through;
    int error = 0;
};

/// While it lives, decides the fate of every such call of the thread that made it.
class system_faults {
public:
    using decision = std::function<fate(system_call)>;

    explicit system_faults(decision decide);
    system_faults(const system_faults&) = delete;
    system_faults& operator=(const system_faults&) = delete;
    ~system_faults();
};

[[nodiscard]] constexpr fate failing(int error) noexcept {
    return {fate::kind::fails, error};
}

/// Lets the call of that number, counted from 0, have its fate, and all others go through.
[[nodiscard]] system_faults::decision at_call(int number, fate then, bool* reached = nullptr);

} // namespace backend_test
