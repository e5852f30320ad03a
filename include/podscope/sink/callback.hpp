// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/sink/concept.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace podscope {

namespace sink_detail {

template <class F>
concept callback = std::invocable<F&, const notification&> &&
                   (std::is_void_v<std::invoke_result_t<F&, const notification&>> ||
                    std::same_as<std::invoke_result_t<F&, const notification&>, result<void>>);

} // namespace sink_detail

/// Calls a function with each notification: `callback_sink{[](const notification& told) { … }}`.
///
/// The function returns nothing, which is success, or a `result<void>`. What it throws becomes an
/// error, and the notification is offered again. It may be called from several threads at once, by
/// copies of the sink too, each with its own copy of the function; it may use the runtime.
template <sink_detail::callback F>
class callback_sink {
public:
    explicit callback_sink(F function) noexcept(std::is_nothrow_move_constructible_v<F>)
        : function_{std::move(function)} {}

    /// Errors: what the function returns; `unavailable` or `out_of_memory` for what it throws.
    [[nodiscard]] result<void> notify(const notification& told) {
        return guarded([&]() -> result<void> {
            if constexpr (std::is_void_v<std::invoke_result_t<F&, const notification&>>) {
                function_(told);
                return {};
            } else {
                return function_(told);
            }
        });
    }

private:
    [[no_unique_address]] F function_;
};

} // namespace podscope
