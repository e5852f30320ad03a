// SPDX-License-Identifier: BSL-1.0
// What tests of notifications on their way to a sink begin with.
#pragma once

#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/sink/callback.hpp>
#include <podscope/store/records.hpp>

#include <string>
#include <vector>

namespace podscope_test::deliveries {

using podscope::errc;
using podscope::notification;
namespace tables = podscope::tables;

// A planner that has to be restored and will be told of two dead children.
template <class Crew>
void build(Crew& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("first", "/ws/a"));
    c.add("planner", writer("second", "/ws/b"));
    for (const auto* pod : {"first", "second", "planner"}) {
        c.kill(pod);
    }
}

template <class Crew, class F>
void tell(Crew& c, F function) {
    c.use([function] { return any_sink::of(podscope::callback_sink{function}); });
}

template <class Crew>
[[nodiscard]] std::vector<std::string> waiting(Crew& c) {
    std::vector<std::string> ids;
    for (const auto& told : rows_of<tables::outbox>(c.state(), "planner")) {
        ids.push_back(told.id);
    }
    return ids;
}

} // namespace podscope_test::deliveries
