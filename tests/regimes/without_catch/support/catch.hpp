// SPDX-License-Identifier: BSL-1.0
// Stands in for the header of this name in tests/support, so that what lies there serves plain
// programs too: what would fail a test case is thrown.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace Catch {

template <class T>
struct StringMaker;

} // namespace Catch

namespace podscope_test {

[[noreturn]] inline void give_up(const std::string& why) {
    throw std::runtime_error{why};
}

} // namespace podscope_test

#define FAIL(...)                          \
    do {                                   \
        std::ostringstream why;            \
        why << __VA_ARGS__;                \
        podscope_test::give_up(why.str()); \
    } while (false)
#define REQUIRE(...)                              \
    do {                                          \
        if (!(__VA_ARGS__)) {                     \
            podscope_test::give_up(#__VA_ARGS__); \
        }                                         \
    } while (false)
#define REQUIRE_FALSE(...) REQUIRE(!(__VA_ARGS__))
#define UNSCOPED_INFO(...) static_cast<void>(0)
