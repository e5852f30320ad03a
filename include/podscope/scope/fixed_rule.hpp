// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule_summary.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace podscope {

namespace scope_detail {

// Called where a constant is made of what is none, so that a compiler names them as the reason.
// Nothing defines them.
void the_target_must_be_a_text_that_ends_in_a_NUL();
void the_target_is_empty_an_absolute_path_is_needed();
void the_target_is_longer_than_4095_bytes();
void the_target_contains_a_NUL_byte();
void the_target_is_relative_it_must_begin_with_a_slash();
void the_target_has_a_component_longer_than_255_bytes();
void the_target_leads_above_the_root();

consteval void refuse_target(path_fault fault) {
    switch (fault) {
    case path_fault::none: return;
    case path_fault::empty: return the_target_is_empty_an_absolute_path_is_needed();
    case path_fault::too_long: return the_target_is_longer_than_4095_bytes();
    case path_fault::holds_nul: return the_target_contains_a_NUL_byte();
    case path_fault::relative: return the_target_is_relative_it_must_begin_with_a_slash();
    case path_fault::long_component: return the_target_has_a_component_longer_than_255_bytes();
    case path_fault::above_root: return the_target_leads_above_the_root();
    }
}

} // namespace scope_detail

/// One rule of a fixed_scope, made by the functions of `fixed`. `Size` is that of its target's
/// text with the NUL that ends it.
template <std::size_t Size>
class fixed_rule {
public:
    /// A target that lexical_path refuses is an error of compilation, which says why.
    consteval fixed_rule(const char (&target)[Size], scope_detail::effect what, permission access)
        : what_{what},
          access_{access} {
        if (target[Size - 1] != '\0') {
            scope_detail::the_target_must_be_a_text_that_ends_in_a_NUL();
        }
        const std::string_view text{target, Size - 1};
        const auto written = scope_detail::write_key(text, key_.data());
        scope_detail::refuse_target(written.fault);
        size_ = written.size;
    }

    /// The same rule for the target and its direct children only.
    [[nodiscard]] consteval fixed_rule only_here() const {
        fixed_rule shallow{*this};
        shallow.recursive_ = false;
        return shallow;
    }

    [[nodiscard]] constexpr std::string_view key() const noexcept { return {key_.data(), size_}; }

    [[nodiscard]] constexpr scope_detail::effect what() const noexcept { return what_; }

    [[nodiscard]] constexpr permission access() const noexcept { return access_; }

    [[nodiscard]] constexpr bool is_recursive() const noexcept { return recursive_; }

private:
    std::array<char, Size> key_{};
    std::size_t size_{};
    scope_detail::effect what_;
    permission access_;
    bool recursive_{true};
};

/// Makers of the rules of a fixed_scope: `fixed::may_write("/ws/docs").only_here()`. The target is
/// a literal or a constant array of characters. What a manifest says as `may(rules::read(…))` and
/// `may_not(rules::write(…))` is `may_read(…)` and `may_not_write(…)` here.
namespace fixed {

template <std::size_t Size>
[[nodiscard]] consteval fixed_rule<Size> may_read(const char (&target)[Size]) {
    return {target, scope_detail::effect::grant, permission::read};
}

template <std::size_t Size>
[[nodiscard]] consteval fixed_rule<Size> may_write(const char (&target)[Size]) {
    return {target, scope_detail::effect::grant, permission::write};
}

/// Leaves nothing.
template <std::size_t Size>
[[nodiscard]] consteval fixed_rule<Size> may_not_read(const char (&target)[Size]) {
    return {target, scope_detail::effect::deny, permission::read};
}

/// Leaves reading.
template <std::size_t Size>
[[nodiscard]] consteval fixed_rule<Size> may_not_write(const char (&target)[Size]) {
    return {target, scope_detail::effect::deny, permission::write};
}

} // namespace fixed

} // namespace podscope
