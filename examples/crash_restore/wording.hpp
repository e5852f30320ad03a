// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "workspace.hpp"

#include <podscope/podscope.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

[[nodiscard]] inline std::uint64_t number(podscope::epoch granted) noexcept {
    return static_cast<std::uint64_t>(granted);
}

/// How places, rules and grants are written for a reader: with regions of the workspace in the
/// place of paths.
class wording {
public:
    explicit wording(const workspace& place) : place_{&place} {}

    [[nodiscard]] std::string target(const podscope::scope_rule& rule) const {
        return place_->region_of(names_.display(rule.target));
    }

    [[nodiscard]] std::string rule(const podscope::scope_rule& rule) const {
        return std::string{to_string(rule.access)} + " " + target(rule) +
               (rule.recursive ? "" : " (here only)");
    }

    [[nodiscard]] static std::string grant(const std::string& pod, podscope::epoch granted) {
        return pod + " (epoch " + std::to_string(number(granted)) + ")";
    }

    /// A layer with where it comes from: `write docs for scribe (epoch 4)`.
    [[nodiscard]] std::string layer(const podscope::deny_layer& one) const {
        return rule(one.rule) +
               (one.is_base() ? std::string{" by its manifest"}
                              : " for " + grant(one.delegation->child, one.delegation->granted));
    }

private:
    const workspace* place_;
    podscope::lexical_path names_{}; // for display only: no file system is asked
};

/// Texts put together.
template <class... Texts>
[[nodiscard]] std::string together(const Texts&... texts) {
    std::string all;
    ((all += texts), ...);
    return all;
}

/// Texts with something between them.
[[nodiscard]] inline std::string joined(const std::vector<std::string>& texts,
                                        const std::string& between) {
    std::string all;
    for (const auto& text : texts) {
        all += (all.empty() ? "" : between) + text;
    }
    return all;
}

/// A sentence in lines of at most `width` characters, each after an indent.
[[nodiscard]] inline std::string
wrapped(std::string_view sentence, const std::string& indent, std::size_t width) {
    std::string lines;
    std::size_t column = width;
    while (!sentence.empty()) {
        const auto length = std::min(sentence.find(' '), sentence.size());
        if (column + 1 + length > width) {
            lines += (lines.empty() ? "" : "\n") + indent;
            column = indent.size();
        } else {
            lines += ' ';
            ++column;
        }
        lines += sentence.substr(0, length);
        column += length;
        sentence.remove_prefix(std::min(length + 1, sentence.size()));
    }
    return lines + "\n";
}

} // namespace demo
