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
///
/// The operation that offers it, a restore too, waits for the answer. All that it was asked to do
/// is committed by then, but its caller has not heard: a sink that talks to somebody who may not
/// answer gives up after a time of its own, with an error, or hands over to a thread as
/// `queue_sink` can.
template <class S>
concept notification_sink = requires(S& sink, const notification& told) {
    { sink.notify(told) } -> std::same_as<result<void>>;
};

} // namespace podscope
