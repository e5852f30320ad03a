// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule_summary.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace podscope {

namespace scope_detail {

/// Why a text names no place.
enum class path_fault : std::uint8_t { none, whole_text, long_component, above_root };

/// How much of a buffer the key of a place took, or why there is no place.
struct written_key {
    std::size_t size{};
    path_fault fault{path_fault::none};
};

/// Writes the key of the place to which lexical_path resolves a text, and refuses what that
/// refuses. The buffer must have room for as much as the text has, or for lexical_path::max_length:
/// no key is longer than its text. Linear in the length.
[[nodiscard]] constexpr written_key write_key(std::string_view text, char* buffer) noexcept {
    if (broken_path_rule(text) != nullptr) {
        return {.fault = path_fault::whole_text};
    }
    std::size_t size = 0;
    std::size_t begin = 0; // of the last component
    for (std::size_t next = 1; next <= text.size(); ++next) {
        if (next != text.size() && text[next] != '/') {
            buffer[size++] = text[next];
            continue;
        }
        const std::string_view component{buffer + begin, size - begin};
        if (component.size() > lexical_path::max_component_length) {
            return {.fault = path_fault::long_component};
        }
        if (component == "..") {
            if (begin == 0) {
                return {.fault = path_fault::above_root};
            }
            do {
                --begin;
            } while (begin != 0 && buffer[begin - 1] != resource::terminator);
        } else if (!component.empty() && component != ".") {
            buffer[size] = resource::terminator;
            begin = size + 1;
        }
        size = begin;
    }
    return {.size = size};
}

// Called where a constant is made of what is none, so that a compiler names them as the reason.
// Nothing defines them.
void the_target_must_be_a_text_that_ends_in_a_NUL();
void the_target_is_empty_an_absolute_path_is_needed();
void the_target_is_longer_than_4095_bytes();
void the_target_contains_a_NUL_byte();
void the_target_is_relative_it_must_begin_with_a_slash();
void the_target_is_no_absolute_path();
void the_target_has_a_component_longer_than_255_bytes();
void the_target_leads_above_the_root();

consteval void refuse_target(std::string_view text, path_fault fault) {
    switch (fault) {
    case path_fault::none: return;
    case path_fault::long_component: return the_target_has_a_component_longer_than_255_bytes();
    case path_fault::above_root: return the_target_leads_above_the_root();
    case path_fault::whole_text: break;
    }
    if (text.empty()) {
        the_target_is_empty_an_absolute_path_is_needed();
    }
    if (text.size() > lexical_path::max_length) {
        the_target_is_longer_than_4095_bytes();
    }
    if (text.find('\0') != std::string_view::npos) {
        the_target_contains_a_NUL_byte();
    }
    if (!text.starts_with('/')) {
        the_target_is_relative_it_must_begin_with_a_slash();
    }
    the_target_is_no_absolute_path();
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
        scope_detail::refuse_target(text, written.fault);
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
