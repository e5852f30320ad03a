// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/joined.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// The keys of the pod store's tables. A name ends with a NUL, which no name holds.
namespace podscope::store_keys {

inline constexpr char end = '\0';
inline constexpr std::string_view mark{&end, 1};

/// All rows of a pod, in each table that has several for one.
[[nodiscard]] inline std::string of_pod(std::string_view pod) {
    return joined({pod, mark});
}

[[nodiscard]] inline std::string delegation(std::string_view parent, std::string_view child) {
    return joined({parent, mark, child});
}

/// The rows of a pod that carry a number, in the order of their numbers.
[[nodiscard]] inline std::string numbered(std::string_view pod, std::uint64_t number) {
    std::array<char, sizeof number> highest_first{};
    for (char& byte : highest_first) {
        byte = static_cast<char>(number >> 56);
        number <<= 8;
    }
    return joined({pod, mark, {highest_first.data(), highest_first.size()}});
}

/// A grant's epoch is unique, so a delegation cannot end twice in one history.
[[nodiscard]] inline std::string history(std::string_view pod, epoch granted) {
    return numbered(pod, static_cast<std::uint64_t>(granted));
}

/// In the order in which they were queued.
[[nodiscard]] inline std::string outbox(std::string_view pod, std::uint64_t sequence) {
    return numbered(pod, sequence);
}

/// The counters of epochs, and of notifications.
inline constexpr std::string_view epochs = "epoch";
inline constexpr std::string_view notifications = "notification";

} // namespace podscope::store_keys
