// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
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

/// A place and what it gave, which lives no longer than it.
template <class Place>
struct opened_place {
    Place at;
    std::unique_ptr<plug_in_of<Place>> opened{};
};

/// Makes a place and opens it.
template <class Make, class Place = std::invoke_result_t<Make&>>
[[nodiscard]] result<std::shared_ptr<opened_place<Place>>> open_place(Make& make) {
    // Not by std::make_shared, which would have to move the place there.
    const std::shared_ptr<opened_place<Place>> whole{new opened_place<Place>{make()}};
    auto made = opened_at(whole->at);
    if (!made) {
        return fail(made);
    }
    whole->opened = std::make_unique<plug_in_of<Place>>(*std::move(made));
    return whole;
}

} // namespace podscope::verify::conformance
