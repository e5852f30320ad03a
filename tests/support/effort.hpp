// SPDX-License-Identifier: BSL-1.0
// How much a test tries: what has no end is tried so often that a usual run stays short.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace podscope_test {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool is_sanitised = true;
#else
inline constexpr bool is_sanitised = false;
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitised = true;
#else
inline constexpr bool is_sanitised = false;
#endif

#if defined(__OPTIMIZE__)
inline constexpr bool is_optimised = true;
#else
inline constexpr bool is_optimised = false;
#endif

/// A number from the environment, so that a red run can be repeated by itself and a long run can
/// try more.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text != nullptr ? std::stoull(text) : otherwise;
}

/// So many rounds as the environment says under a name, and otherwise `usual`: a tenth of them
/// under a sanitizer, where each takes ten times as long and it is not their number that finds
/// what a sanitizer is for; and a quarter where nothing is optimised.
inline std::uint64_t rounds(const char* name, std::uint64_t usual) {
    return number_from_environment(name, usual / (is_sanitised ? 10 : is_optimised ? 1 : 4));
}

} // namespace podscope_test
