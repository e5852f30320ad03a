// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/sink/concept.hpp>

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

namespace podscope {

/// Gives each notification to several sinks, in order.
///
/// It succeeds only if all of them do, and offers the notification to all even if one refuses it.
/// Since it is then offered again, those that took it may get it once more, under the same id. May
/// be used from several threads at once if the sinks may.
template <notification_sink... Sinks>
    requires(sizeof...(Sinks) > 0)
class tee_sink {
public:
    explicit tee_sink(Sinks... sinks) : sinks_{std::move(sinks)...} {}

    /// The sink at a place in the list, counted from 0.
    template <std::size_t Place>
    [[nodiscard]] auto& get() noexcept {
        return std::get<Place>(sinks_);
    }

    /// Errors: category and facts of the first sink that failed, and a message that says of each
    /// that failed which one it was, counted from 1, and why.
    [[nodiscard]] result<void> notify(const notification& told) {
        return guarded([&] {
            return std::apply([&](Sinks&... each) { return offer(told, each...); }, sinks_);
        });
    }

private:
    [[nodiscard]] static result<void> offer(const notification& told, Sinks&... sinks) {
        result<void> outcome;
        std::size_t place = 0;
        const auto offer_one = [&](auto& sink) {
            ++place;
            auto taken = guarded([&] { return sink.notify(told); });
            if (taken) {
                return;
            }
            std::string why = "sink " + std::to_string(place) + " of " +
                              std::to_string(sizeof...(Sinks)) +
                              " did not take the notification: " + taken.error().message;
            if (outcome) {
                outcome = std::move(taken);
                outcome.error().message = std::move(why);
            } else {
                outcome.error().message += "; " + why;
            }
        };
        (offer_one(sinks), ...);
        return outcome;
    }

    std::tuple<Sinks...> sinks_;
};

} // namespace podscope
