// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/self.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <utility>

namespace podscope::verify {

/// The least `self_source`, over another one.
template <self_source Source>
class self_archetype : only_moved {
public:
    explicit self_archetype(Source beneath) : beneath_{std::move(beneath)} {}

    [[nodiscard]] result<process_identity> self() const { return beneath_.self(); }

private:
    Source beneath_;
};

} // namespace podscope::verify
