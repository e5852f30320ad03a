// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>

#include <concepts>

namespace podscope {

/// Takes notifications.
///
/// `notify` answers success once it has taken charge of the notification; until then it stays in
/// the outbox of the pod and is offered again, with the same id. May be called from several threads
/// at once, and never inside a transaction, so that it may use the runtime itself.
template <class S>
concept notification_sink = requires(S& sink, const notification& told) {
    { sink.notify(told) } -> std::same_as<result<void>>;
};

} // namespace podscope
