// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/scope/resource.hpp>

#include <concepts>
#include <string>
#include <string_view>

namespace podscope {

/// How a target is normalised and split into components.
///
/// `resolve` gives the one resource that a text names, or `invalid_target` with the reason: two
/// texts that name the same place give equal resources, and a text that names none (relative,
/// empty, with a NUL, escaping above the root) is refused here, at the boundary, and so everywhere
/// alike. `display` writes a resource as a person would, such that resolving it gives it back.
/// Both may be called from several threads at once.
template <class N>
concept resource_namespace =
    requires(const N& names, std::string_view text, const resource& place) {
        { names.resolve(text) } -> std::same_as<result<resource>>;
        { names.display(place) } -> std::same_as<std::string>;
    };

} // namespace podscope
