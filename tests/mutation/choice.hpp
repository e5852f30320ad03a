// SPDX-License-Identifier: BSL-1.0
// Which mutant of a header is meant, where all of them are compiled into one program.
#pragma once

#include <cstdlib>
#include <type_traits>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace podscope_mutant {

inline int number_in(const char* variable) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? 0 : std::atoi(text);
}

/// 0 for the header as it is.
inline const int chosen = number_in("PODSCOPE_MUTANT");

/// One byte for each mutant, set once its place was reached by any process of the program; null if
/// nobody asks. Shared, since many of the processes are killed.
inline char* const reached = [] {
    const char* const path = std::getenv("PODSCOPE_MUTANTS_REACHED");
    const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return static_cast<char*>(nullptr);
    }
    const auto length = static_cast<std::size_t>(::lseek(file, 0, SEEK_END));
    void* const at = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return at == MAP_FAILED ? static_cast<char*>(nullptr) : static_cast<char*>(at);
}();

constexpr bool is(int number) noexcept {
    if (std::is_constant_evaluated()) {
        return false;
    }
    if (reached != nullptr) {
        reached[number] = 1;
    }
    return chosen == number;
}

} // namespace podscope_mutant
