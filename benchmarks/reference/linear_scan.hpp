// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "path_text.hpp"

#include <podscope/scope/permission.hpp>

#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

/// A rule over a path; podscope::scope_rule has the meaning of each part.
struct path_rule {
    std::filesystem::path target{};
    podscope::permission access{podscope::permission::none};
    bool recursive{true};
};

/// A scope as a list of rules that is read from end to end for each question: what most programs
/// do that have such rules at all, and the least that can be built.
///
/// A fair reference, since it does nothing that the question does not ask for: paths are normalised
/// when they come in and not for each rule; a rule is tested on the path's text, up to the end of a
/// component, which costs a twentieth of walking the components of a std::filesystem::path; it
/// allocates nothing, and stops once no further rule can change the answer. So its cost depends on
/// where the rule stands that decides: a benchmark has to ask for places that no early rule decides
/// as well.
class linear_scan_scope {
public:
    /// Normalises the rules' targets, which must be absolute.
    linear_scan_scope(std::vector<path_rule> allow, std::vector<path_rule> deny)
        : allow_{std::move(allow)},
          deny_{std::move(deny)} {
        for (auto* list : {&allow_, &deny_}) {
            for (path_rule& rule : *list) {
                rule.target = normal(rule.target);
            }
        }
    }

    /// A path as `permission_at` takes it: without dots, doubled slashes and a slash at the end.
    [[nodiscard]] static std::filesystem::path normal(const std::filesystem::path& path) {
        auto text = path.lexically_normal().string();
        if (text.size() > 1 && text.back() == '/') {
            text.pop_back();
        }
        return text;
    }

    /// The highest access of the allow rules that match a normal path, capped strictly below the
    /// lowest deny that matches.
    [[nodiscard]] podscope::permission
    permission_at(const std::filesystem::path& path) const noexcept {
        using podscope::permission;
        const std::string_view place = path.native();
        permission highest = permission::none;
        for (const path_rule& rule : allow_) {
            if (rule.access > highest && matches(rule, place)) {
                highest = rule.access;
                if (highest == permission::write) {
                    break;
                }
            }
        }
        for (const path_rule& rule : deny_) {
            if (highest == permission::none) {
                break;
            }
            const permission left = podscope::left_by_deny(rule.access);
            if (left < highest && matches(rule, place)) {
                highest = left;
            }
        }
        return highest;
    }

private:
    [[nodiscard]] static bool matches(const path_rule& rule, std::string_view place) noexcept {
        const std::string_view target = rule.target.native();
        return is_at_or_below(target, place) &&
               (rule.recursive || place.size() == target.size() || is_child_of(target, place));
    }

    std::vector<path_rule> allow_;
    std::vector<path_rule> deny_;
};

} // namespace podscope_bench
