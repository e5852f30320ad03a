// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>

namespace podscope::pod_detail {

/// The longest word for which a near miss is looked for.
inline constexpr std::size_t longest_near_miss = 32;

/// How many letters have to be changed, added or left out to make one word of another (the distance
/// of Levenshtein, by the two rows of Wagner and Fischer). Neither may be longer than
/// longest_near_miss.
[[nodiscard]] constexpr std::size_t distance(std::string_view a, std::string_view b) noexcept {
    std::array<std::size_t, longest_near_miss + 1> row{};
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

/// The word that a misspelt one was probably meant to be; empty if none is near.
[[nodiscard]] constexpr std::string_view nearest(std::string_view word,
                                                 std::span<const std::string_view> words) noexcept {
    std::string_view found;
    if (word.size() > longest_near_miss) {
        return found;
    }
    std::size_t best = std::min<std::size_t>(word.size() / 2, 2) + 1;
    for (const std::string_view candidate : words) {
        if (const std::size_t far = distance(word, candidate); far < best) {
            best = far;
            found = candidate;
        }
    }
    return found;
}

} // namespace podscope::pod_detail
