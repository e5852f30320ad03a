// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/verify/recorded_files.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace backend_test {

/// A system call that a store makes on its files.
enum class system_call { open, read, write, cut, sync, rename, unlink };

/// What is to happen to one of them.
struct fate {
    enum class kind {
        goes_through,
        fails,         ///< with `error`, and has no effect
        stops_short,   ///< reads or writes `length` bytes, if more were asked for
        killed_before, ///< the process is killed, and the call was not made
        killed_after,  ///< the process is killed, and the call was made
    };

    kind what = kind::goes_through;
    int error = 0;
    std::size_t length = 1;
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
    return {.what = fate::kind::fails, .error = error};
}

/// Lets the call of that number, counted from 0, have its fate, and all others go through.
[[nodiscard]] system_faults::decision at_call(int number, fate then, bool* reached = nullptr);

/// While it lives, whatever the thread that made it asks about lies on a file system of that kind,
/// by the number that statfs(2) gives; or nobody can tell, which is an EIO.
class file_system_seen {
public:
    static constexpr std::uint32_t cannot_be_told = 0;

    explicit file_system_seen(std::uint32_t magic) noexcept;
    file_system_seen(const file_system_seen&) = delete;
    file_system_seen& operator=(const file_system_seen&) = delete;
    ~file_system_seen();
};

/// While it lives, takes down what the thread that made it changes in the file system.
class system_trace {
public:
    system_trace();
    system_trace(const system_trace&) = delete;
    system_trace& operator=(const system_trace&) = delete;
    ~system_trace();

    void mark(std::uint64_t number);

    [[nodiscard]] const std::vector<podscope::verify::file_event>& events() const noexcept {
        return events_;
    }

private:
    std::vector<podscope::verify::file_event> events_;
};

} // namespace backend_test
