// SPDX-License-Identifier: BSL-1.0
// What tests ask of a result: its value or its error, and the test fails with words if it has the
// other one.
#pragma once

#include "support/catch.hpp"

#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <string>
#include <type_traits>
#include <utility>

template <>
struct Catch::StringMaker<podscope::errc> {
    static std::string convert(podscope::errc category) { return std::string{to_string(category)}; }
};

namespace podscope_test {

/// The value of a result; fails the test with the error's text if there is none.
template <class T>
T must(podscope::result<T>&& given) {
    if (!given) {
        FAIL(to_string(given.error()));
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*given);
    }
}

/// The error of a result that must have failed.
template <class T>
[[nodiscard]] podscope::error error_of(podscope::result<T>&& given) {
    if (given) {
        FAIL("succeeded where it had to fail");
    }
    return std::move(given).error();
}

/// The category of that error.
template <class T>
[[nodiscard]] podscope::errc why_not(podscope::result<T>&& given) {
    return error_of(std::move(given)).category;
}

} // namespace podscope_test
