// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "messages.hpp"
#include "program.hpp"
#include "world.hpp"

#include <podscope/pod/supervisor.hpp>
#include <podscope/podscope.hpp>
#include <podscope/sink/queue.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace demo {

/// Holds the planner, whose supervisor takes back by itself what a host held that is gone.
class planner final : public program {
public:
    /// How long a call may take: enough for the cluster to find another leader.
    static constexpr std::chrono::seconds patience{10};

    planner(world library, podscope::queue_sink told)
        : library_{std::move(library)},
          told_{std::move(told)} {}

    [[nodiscard]] podscope::result<answer> obey(const order& given) override {
        switch (given.what) {
        case verb::create: return create();
        case verb::delegate: return delegate(given);
        case verb::await_write: return await_write(given.place);
        case verb::told: return told();
        case verb::ended: return ended();
        case verb::children: return children();
        case verb::owner: return owner(given.place);
        case verb::validate: return validate(given.shown);
        case verb::check: return done(pod_->check(given.place, podscope::permission::write));
        case verb::reconcile: return reconcile();
        case verb::release: guard_.reset(); return done(pod_->release());
        default: return no_such_order();
        }
    }

private:
    using parts = std::remove_cvref_t<decltype(std::declval<world&>().parts())>;

    podscope::result<answer> create() {
        auto made =
            library_.create(podscope::manifest{"planner"}.may(podscope::rules::write("/ws")));
        if (!made) {
            return podscope::fail(made);
        }
        pod_.emplace(*std::move(made));
        // What it takes back, the sink is told of.
        auto guard = podscope::supervise(*pod_, [](const auto&) {});
        if (guard) {
            guard_.emplace(*std::move(guard));
        }
        return done(std::move(guard));
    }

    podscope::result<answer> delegate(const order& given) {
        return answered(
            pod_->delegate(podscope::manifest{given.pod}.may(podscope::rules::write(given.place))),
            [](const podscope::grant& made) { return made.to_text(); });
    }

    podscope::result<answer> await_write(const std::string& place) {
        return repeat("the planner to have " + place, [&] {
            return pod_->check(place, podscope::permission::write)
                       ? std::optional{answer{.at = now()}}
                       : std::nullopt;
        });
    }

    podscope::result<answer> told() {
        for (auto& one : told_.drain()) {
            auto id = one.id;
            heard_.emplace(std::move(id), std::move(one)); // the same may be told twice
        }
        std::string all;
        for (const auto& [id, one] : heard_) {
            all += described(one);
        }
        return answer{.text = all};
    }

    podscope::result<answer> ended() const {
        return answered(library_.history_of("planner"), [](const auto& history) {
            std::string all;
            for (const auto& one : history) {
                all += described(one);
            }
            return all;
        });
    }

    podscope::result<answer> children() const {
        return answered(library_.delegations_of("planner"), [](const auto& standing) {
            std::string all;
            for (const auto& one : standing) {
                all += podscope::grant{one.child, one.granted}.to_text() + "\n";
            }
            return all;
        });
    }

    podscope::result<answer> owner(const std::string& place) const {
        return answered(library_.who(place), [](const auto& found) {
            return found ? found->owner.pod : std::string{"nobody"};
        });
    }

    podscope::result<answer> validate(const std::string& shown) const {
        auto permit = podscope::permit::from_text(shown);
        return permit ? done(library_.validate(*permit)) : podscope::fail(permit);
    }

    podscope::result<answer> reconcile() {
        return answered(pod_->reconcile(), [](const podscope::reconcile_report& found) {
            return std::string{found.changed() ? "something" : "nothing"};
        });
    }

    // Of a notification as of an entry in the history.
    template <class End>
    static std::string described(const End& one) {
        return podscope::grant{one.child, one.granted}.to_text() + " " +
               std::string{to_string(one.reason)} + "\n";
    }

    world library_;
    podscope::queue_sink told_;
    std::map<std::string, podscope::notification> heard_{};
    std::optional<world::pod> pod_{};
    std::optional<podscope::supervisor<parts>> guard_{};
};

} // namespace demo
