// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace podscope::verify {

/// The least `resource_namespace`, over another one.
template <resource_namespace Names>
class namespace_archetype : only_moved {
public:
    explicit namespace_archetype(Names beneath) : beneath_{std::move(beneath)} {}

    [[nodiscard]] result<resource> resolve(std::string_view text) const {
        return beneath_.resolve(text);
    }

    [[nodiscard]] std::string display(const resource& place) const {
        return beneath_.display(place);
    }

private:
    Names beneath_;
};

} // namespace podscope::verify
