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

/// A namespace that says by itself which resources are places of its: those that `resolve` may
/// give. It asks nobody for that, where `resolve` may have to.
template <class N>
concept knows_its_places =
    resource_namespace<N> && requires(const N& names, const resource& place) {
        { names.is_place(place) } -> std::same_as<bool>;
    };

/// Whether a resource that was not resolved here, but was made up or read from a text, is a place
/// of a namespace: as that says, or else whether what it is displayed as resolves to it.
template <resource_namespace N>
[[nodiscard]] bool is_place_of(const N& names, const resource& place) {
    if constexpr (knows_its_places<N>) {
        return names.is_place(place);
    } else {
        const auto again = names.resolve(names.display(place));
        return again && *again == place;
    }
}

} // namespace podscope
