// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/sink/concept.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <utility>

namespace podscope::verify {

/// The least `notification_sink`, over another one.
template <notification_sink Sink>
class sink_archetype : only_moved {
public:
    explicit sink_archetype(Sink beneath) : beneath_{std::move(beneath)} {}

    [[nodiscard]] result<void> notify(const notification& told) { return beneath_.notify(told); }

private:
    Sink beneath_;
};

} // namespace podscope::verify
