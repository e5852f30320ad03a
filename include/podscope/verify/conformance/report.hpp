// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::verify {

/// How a plug-in stands to one promise of its concept.
enum class standing : std::uint8_t {
    held,
    broken,
    deviates, ///< it is not claimed: by a trait, or by a declared deviation
};

[[nodiscard]] constexpr std::string_view to_string(standing how) noexcept {
    switch (how) {
    case standing::held: return "held";
    case standing::broken: return "BROKEN";
    case standing::deviates: return "deviates";
    }
    return "unknown";
}

/// One promise of a concept, and what a kit found.
struct promise {
    std::string name{};
    standing found{};
    /// Broken: the steps that show it, one a line, and what came of them. Deviates: the reason.
    std::string shown{};
};

/// What a conformance kit found: every promise of the concept, in the order of the kit.
struct conformance_report {
    std::string kit{}; ///< the concept's name
    std::vector<promise> promises{};

    /// Whether no promise is broken.
    [[nodiscard]] bool is_kept() const {
        return std::ranges::none_of(
            promises, [](const promise& one) { return one.found == standing::broken; });
    }

    /// The names of those that stand so.
    [[nodiscard]] std::vector<std::string> names(standing how) const {
        std::vector<std::string> found;
        for (const auto& one : promises) {
            if (one.found == how) {
                found.push_back(one.name);
            }
        }
        return found;
    }

    /// For people: a line for each promise, and below it what is shown of it.
    [[nodiscard]] std::string to_text() const {
        std::string text;
        for (const auto& one : promises) {
            text.append(kit).append(": ").append(one.name).append(": ");
            text.append(to_string(one.found)).append("\n");
            for (std::string_view rest = one.shown; !rest.empty();) {
                const auto line = rest.substr(0, rest.find('\n'));
                text.append("    ").append(line).append("\n");
                rest.remove_prefix(std::min(line.size() + 1, rest.size()));
            }
        }
        return text;
    }
};

/// A promise that a plug-in does not keep, and says so. A plug-in declares its deviations in a
/// static member:
///
///     static constexpr std::array deviations{deviation{"the promise, by its name", "why not"}};
struct deviation {
    std::string_view promise{};
    std::string_view reason{};
};

/// What a plug-in declares; nothing if it declares nothing.
template <class PlugIn>
[[nodiscard]] constexpr std::span<const deviation> deviations_of() noexcept {
    if constexpr (requires { std::span<const deviation>{PlugIn::deviations}; }) {
        return std::span<const deviation>{PlugIn::deviations};
    } else {
        return {};
    }
}

} // namespace podscope::verify
