// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/sink/concept.hpp>

namespace podscope {

/// Takes every notification and forgets it: for who learns of ended delegations from the history in
/// the pod store alone.
struct null_sink {
    [[nodiscard]] result<void> notify(const notification&) noexcept { return {}; }
};

static_assert(notification_sink<null_sink>);

} // namespace podscope
