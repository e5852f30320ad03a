// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// The keys of the pod store's tables. A name ends with a NUL, which no name holds.
namespace podscope::store_keys {

inline constexpr char end = '\0';

/// All rows of a pod, in each table that has several for one.
[[nodiscard]] inline std::string of_pod(std::string_view pod) {
    std::string key{pod};
    key.push_back(end);
    return key;
}

[[nodiscard]] inline std::string delegation(std::string_view parent, std::string_view child) {
    return of_pod(parent) + std::string{child};
}

/// A grant's epoch is unique, so a delegation cannot end twice in one history.
[[nodiscard]] inline std::string history(std::string_view pod, epoch granted) {
    std::string key = of_pod(pod);
    const auto value = static_cast<std::uint64_t>(granted);
    for (int shift = 56; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>((value >> shift) & 0xFF));
    }
    return key;
}

[[nodiscard]] inline std::string outbox(std::string_view pod, std::string_view id) {
    return of_pod(pod) + std::string{id};
}

/// The counter of epochs.
inline constexpr std::string_view epochs = "epoch";

} // namespace podscope::store_keys
