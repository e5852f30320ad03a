// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/scope/invalid_target.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/resource.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

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

    /// Whether a resource is a place: no component of it holds a slash or is `.` or `..`, and none
    /// is too long, nor is the path. Linear in the length.
    [[nodiscard]] bool is_place(const resource& place) const noexcept;
};

namespace scope_detail {

/// Why a text names no place.
enum class path_fault : std::uint8_t {
    none,
    empty,
    too_long,
    holds_nul,
    relative,
    long_component,
    above_root
};

/// What is wrong, as the rest of a sentence about the text; null for nothing.
[[nodiscard]] constexpr const char* words_for(path_fault fault) noexcept {
    switch (fault) {
    case path_fault::none: break;
    case path_fault::empty: return "is empty: an absolute path is needed, such as '/workspace/src'";
    case path_fault::too_long: return "is longer than 4095 bytes";
    case path_fault::holds_nul: return "contains a NUL byte";
    case path_fault::relative: return "is relative: it must begin with '/'";
    case path_fault::long_component: return "has a component longer than 255 bytes";
    case path_fault::above_root: return "leads above the root with '..'";
    }
    return nullptr;
}

/// Why a text cannot be an absolute path whatever its components are.
[[nodiscard]] constexpr path_fault fault_of_whole(std::string_view text) noexcept {
    return text.empty()                                ? path_fault::empty
           : text.size() > lexical_path::max_length    ? path_fault::too_long
           : text.find('\0') != std::string_view::npos ? path_fault::holds_nul
           : text.front() != '/'                       ? path_fault::relative
                                                       : path_fault::none;
}

/// How much of a buffer the key of a place took, or why there is no place.
struct written_key {
    std::size_t size{};
    path_fault fault{path_fault::none};
};

/// Writes the key of the place to which lexical_path resolves a text. The buffer must have room for
/// as much as the text has, or for lexical_path::max_length: no key is longer than its text. Linear
/// in the length.
[[nodiscard]] constexpr written_key write_key(std::string_view text, char* buffer) noexcept {
    if (const auto fault = fault_of_whole(text); fault != path_fault::none) {
        return {.fault = fault};
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
    std::string key(std::min(text.size(), max_length), '\0');
    const auto written = scope_detail::write_key(text, key.data());
    if (const char* const fault = scope_detail::words_for(written.fault)) {
        return fail(invalid_target(text, fault));
    }
    key.resize(written.size);
    return resource::from_key(std::move(key));
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

inline bool lexical_path::is_place(const resource& place) const noexcept {
    bool is_path = place.key().size() <= max_length;
    place.for_each_component([&](std::string_view component) {
        is_path = is_path && component.size() <= max_component_length && component != "." &&
                  component != ".." && component.find('/') == std::string_view::npos;
    });
    return is_path;
}

static_assert(knows_its_places<lexical_path>);

} // namespace podscope
