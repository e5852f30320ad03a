// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/sink/concept.hpp>
#include <podscope/verify/schedule.hpp>

#include <set>
#include <string>

namespace podscope::verify {

/// A sink that takes a notification at a point of a schedule, or refuses it where the schedule
/// chooses so. For the schedule's thread.
class scheduled_sink {
public:
    /// @param taken      gets the ids of those that were taken, once each
    /// @param may_refuse whether to refuse is one of the choices
    scheduled_sink(schedule& plan, std::set<std::string>& taken, bool may_refuse)
        : plan_{&plan},
          taken_{&taken},
          may_refuse_{may_refuse} {}

    /// Errors: `unavailable` if it is refused, or the actor has crashed.
    [[nodiscard]] result<void> notify(const notification& told) {
        if (auto alive = plan_->point("tell of " + told.id); !alive) {
            return alive;
        }
        if (may_refuse_ &&
            plan_->choose({"the sink takes " + told.id, "the sink refuses " + told.id}) == 1) {
            return fail({.category = errc::unavailable, .message = "the sink takes nothing now"});
        }
        taken_->insert(told.id);
        return {};
    }

private:
    schedule* plan_;
    std::set<std::string>* taken_;
    bool may_refuse_;
};

static_assert(notification_sink<scheduled_sink>);

} // namespace podscope::verify
