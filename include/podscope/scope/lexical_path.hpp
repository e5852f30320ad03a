// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/scope/invalid_target.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/resource.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace podscope {

/// Absolute POSIX paths, read as text: a resource namespace that asks no file system.
///
/// Doubled and trailing slashes are folded, `.` is dropped, and `..` drops the component before it.
/// That is what a kernel does as long as no component is a symbolic link: where links may occur,
/// canonical_path is the namespace to use.
///
/// Stateless, so that one object serves any number of threads.
class lexical_path {
public:
    /// The longest text, in bytes: what Linux takes (PATH_MAX less its NUL). It bounds the number
    /// of components too, at 2 047.
    static constexpr std::size_t max_length = 4095;
    /// The longest component, in bytes: what Linux takes (NAME_MAX).
    static constexpr std::size_t max_component_length = 255;

    /// The place that a path names.
    ///
    /// Errors: `invalid_target` for a text that is empty, relative, too long, holds a NUL or a
    /// component that is too long, or whose `..` leads above the root. Linear in the length.
    [[nodiscard]] result<resource> resolve(std::string_view text) const;

    /// The path as a person writes it: `/a/b`, and `/` for the root.
    [[nodiscard]] std::string display(const resource& place) const;
};

namespace scope_detail {

/// Why a text cannot be an absolute path whatever its components are, or nothing.
[[nodiscard]] constexpr const char* broken_path_rule(std::string_view text) noexcept {
    if (text.empty()) {
        return "is empty: an absolute path is needed, such as '/workspace/src'";
    }
    if (text.size() > lexical_path::max_length) {
        return "is longer than 4095 bytes";
    }
    if (text.find('\0') != std::string_view::npos) {
        return "contains a NUL byte";
    }
    if (text.front() != '/') {
        return "is relative: it must begin with '/'";
    }
    return nullptr;
}

/// Cuts the component at the front off a path, with the slashes around it; empty at the end.
[[nodiscard]] constexpr std::string_view take_component(std::string_view& rest) noexcept {
    const auto start = rest.find_first_not_of('/');
    if (start == std::string_view::npos) {
        rest = {};
        return {};
    }
    rest.remove_prefix(start);
    const auto component = rest.substr(0, rest.find('/'));
    rest.remove_prefix(component.size());
    return component;
}

} // namespace scope_detail

inline result<resource> lexical_path::resolve(std::string_view text) const {
    if (const char* broken = scope_detail::broken_path_rule(text)) {
        return fail(invalid_target(text, broken));
    }
    resource place;
    for (std::string_view rest = text;;) {
        const auto component = scope_detail::take_component(rest);
        if (component.empty()) {
            return place;
        }
        if (component.size() > max_component_length) {
            return fail(invalid_target(text, "has a component longer than 255 bytes"));
        }
        if (component == ".") {
            continue;
        }
        if (component != "..") {
            place.push(component);
        } else if (place.is_root()) {
            return fail(invalid_target(text, "leads above the root with '..'"));
        } else {
            place.pop();
        }
    }
}

inline std::string lexical_path::display(const resource& place) const {
    if (place.is_root()) {
        return "/";
    }
    std::string path;
    path.reserve(place.key().size());
    place.for_each_component([&](std::string_view component) {
        path += '/';
        path += component;
    });
    return path;
}

static_assert(resource_namespace<lexical_path>);

} // namespace podscope
