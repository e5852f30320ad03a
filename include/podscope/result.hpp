// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>

#include <exception>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <version>

#if defined(__cpp_lib_expected) && __cpp_lib_expected >= 202202L
#include <expected>
#else
#include <tl/expected.hpp>
#endif

namespace podscope {

#if defined(__cpp_lib_expected) && __cpp_lib_expected >= 202202L
template <class T>
using result = std::expected<T, error>;
using failure = std::unexpected<error>;
#else
/// A value, or the error that says why there is none.
///
/// `std::expected` where the standard library has it, `tl::expected` otherwise: translation units
/// that exchange results must be built for the same C++ standard.
template <class T>
using result = tl::expected<T, error>;
using failure = tl::unexpected<error>;
#endif

/// Makes a failed result of an error: `return fail({.category = errc::timeout, .message = "…"});`
[[nodiscard]] inline failure fail(error e) {
    return failure{std::move(e)};
}

/// Hands on the error of a failed result, whatever its value type was.
template <class T>
[[nodiscard]] failure fail(result<T>&& failed) {
    return failure{std::move(failed).error()};
}

template <class T>
[[nodiscard]] failure fail(result<T>& failed) {
    return failure{std::move(failed.error())};
}

/// Runs a function that returns a result, and turns an exception that escapes from it (out of
/// memory, or a plug-in that throws) into an error: the library's boundary, since no exception
/// leaves it.
template <class F>
[[nodiscard]] std::invoke_result_t<F> guarded(F&& body) noexcept {
    try {
        return std::forward<F>(body)();
    } catch (const std::bad_alloc&) {
        return fail({.category = errc::out_of_memory, .message = "out of memory"});
    } catch (const std::exception& thrown) {
        try {
            return fail({.category = errc::unavailable,
                         .message = std::string{"a plug-in threw: "} + thrown.what()});
        } catch (...) {
            return fail({.category = errc::out_of_memory, .message = "out of memory"});
        }
    } catch (...) {
        return fail({.category = errc::unavailable, .message = "a plug-in threw"});
    }
}

} // namespace podscope
