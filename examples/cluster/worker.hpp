// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "messages.hpp"
#include "program.hpp"
#include "world.hpp"

#include <podscope/podscope.hpp>
#include <podscope/sink/queue.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace demo {

/// Holds the pods that were delegated to its host.
class worker final : public program {
public:
    /// Who must stop if the cluster is silent asks it no longer than this.
    static constexpr std::chrono::seconds patience{2};

    worker(world library, podscope::queue_sink) : library_{std::move(library)} {}

    [[nodiscard]] podscope::result<answer> obey(const order& given) override {
        if (given.what == verb::adopt) {
            return adopt(given.shown);
        }
        const auto found = pods_.find(given.pod);
        if (found == pods_.end()) {
            return no_such_order();
        }
        auto& pod = found->second;
        switch (given.what) {
        case verb::check: return done(pod.check(given.place, wanted));
        case verb::permit:
            return answered(pod.permit_for(given.place, wanted),
                            [](const podscope::permit& got) { return got.to_text(); });
        case verb::work: return work(pod, given.place);
        case verb::ask_cluster: return ask_cluster(pod, given.place);
        case verb::delegate:
            return done(
                pod.delegate(podscope::manifest{"late"}.may(podscope::rules::write(given.place))));
        case verb::release: return done(pod.release());
        default: return no_such_order();
        }
    }

private:
    static constexpr auto wanted = podscope::permission::write;

    podscope::result<answer> adopt(const std::string& shown) {
        auto grant = podscope::grant::from_text(shown);
        if (!grant) {
            return podscope::fail(grant);
        }
        auto adopted = library_.adopt(*grant);
        if (adopted) {
            pods_.erase(grant->pod); // lost, if there was one
            pods_.emplace(grant->pod, *std::move(adopted));
        }
        return done(std::move(adopted));
    }

    // Asks before each write, as it should. The time is that before the last question that was
    // answered by yes, since it was so at some moment after that.
    podscope::result<answer> work(const world::pod& pod, const std::string& place) const {
        std::int64_t last_yes = 0;
        return repeat(pod.name() + " to be told no",
                      [&]() -> std::optional<podscope::result<answer>> {
                          const auto before = now();
                          const auto checked = pod.check(place, wanted);
                          if (checked) {
                              last_yes = before;
                              return std::nullopt;
                          }
                          return answer{.text = to_string(checked.error()), .at = last_yes};
                      });
    }

    podscope::result<answer> ask_cluster(const world::pod& pod, const std::string& place) const {
        return repeat("the cluster to answer " + pod.name(),
                      [&]() -> std::optional<podscope::result<answer>> {
                          auto checked = pod.check(place, wanted);
                          if (!checked &&
                              (checked.error().category == podscope::errc::unavailable ||
                               checked.error().category == podscope::errc::timeout)) {
                              return std::nullopt;
                          }
                          return done(std::move(checked));
                      });
    }

    world library_;
    std::map<std::string, world::pod, std::less<>> pods_{};
};

} // namespace demo
