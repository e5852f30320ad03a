// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <concepts>
#include <utility>

namespace podscope::verify::conformance {

template <class Opened>
struct opened_type {
    using type = Opened;
};

template <class Opened>
    requires std::same_as<Opened, result<typename Opened::value_type>>
struct opened_type<Opened> {
    using type = typename Opened::value_type;
};

/// What the places of a kit give: a plug-in, or the result of one.
template <class Place>
using plug_in_of = typename opened_type<decltype(std::declval<Place&>().open())>::type;

/// The result of opening what a place gives.
template <class Place>
[[nodiscard]] result<plug_in_of<Place>> opened_at(Place& place) {
    return place.open();
}

} // namespace podscope::verify::conformance
