// SPDX-License-Identifier: BSL-1.0
// A sink of one's own. What a sink refuses stays in the outbox of its pod, and is offered again
// under the same id: so a sink may forward over whatever fails now and then, and the receiver
// compares ids.
#include <podscope/podscope.hpp>
#include <podscope/sink/notification_json.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

/// Forwards notifications as lines of JSON. Copies share the connection, as the runtime keeps one.
class forwarding_sink {
public:
    struct connection {
        bool up{false};
        std::vector<std::string> sent{};
    };

    explicit forwarding_sink(std::shared_ptr<connection> over) : over_{std::move(over)} {}

    [[nodiscard]] podscope::result<void> notify(const podscope::notification& told) {
        if (!over_->up) {
            return podscope::fail({.category = podscope::errc::unavailable,
                                   .message = "the receiver cannot be reached",
                                   .subject = told.id});
        }
        over_->sent.push_back(podscope::to_json(told, [&](const podscope::resource& target) {
            return podscope::lexical_path{}.display(target);
        }));
        return {};
    }

private:
    std::shared_ptr<connection> over_;
};

static_assert(podscope::notification_sink<forwarding_sink>);

} // namespace

int main() {
    using namespace podscope;
    auto receiver = std::make_shared<forwarding_sink::connection>();
    auto world =
        make_runtime(use::backend(basic_memory<pod_schema>{}), use::sessions(memory_sessions{}),
                     use::names(lexical_path{}), use::sink(forwarding_sink{receiver}));

    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
    auto granted = planner.delegate(manifest{"coder"}.may(rules::write("/ws/src"))).value();
    auto coder = world.adopt(granted).value();

    // The scope is back at once, whether or not the sink takes the news.
    const auto report = planner.reclaim("coder").value();
    std::cout << "not delivered yet: " << report.undelivered.size() << ", since "
              << to_string(*report.delivery_error) << '\n';

    receiver->up = true;
    const auto later = planner.deliver().value();
    std::cout << "not delivered yet: " << later.undelivered.size() << '\n';
    for (const auto& line : receiver->sent) {
        std::cout << line << '\n';
    }
    return report.undelivered.size() == 1 && later.undelivered.empty() && receiver->sent.size() == 1
               ? 0
               : 1;
}
