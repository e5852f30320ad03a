// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>

#include <range/v3/view/filter.hpp>

#include <vector>

namespace podscope {

/// A view of the rules that grant write: those that claim their region for one pod alone. Read
/// rules never stand in anybody's way. The rules must outlive the view.
[[nodiscard]] inline auto write_rules(const std::vector<scope_rule>& rules) {
    return rules | ranges::views::filter(
                       [](const scope_rule& rule) { return rule.access == permission::write; });
}

} // namespace podscope
