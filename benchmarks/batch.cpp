// SPDX-License-Identifier: BSL-1.0
// What one of many costs that are done at once: as much as one of few.
#include "support/measure.hpp"
#include "support/population.hpp"

#include <podscope/podscope.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace podscope_bench {
namespace {

namespace rules = podscope::rules;

constexpr std::size_t few = 10;
constexpr std::size_t many = 1'000;

std::string of(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what;
}

void add_for(std::size_t count) {
    const std::size_t times_counted = many / count + 1;
    add_operation(
        of(count, "children delegated to at once, and reclaimed"),
        [count] {
            auto all = std::make_shared<population>(memory_backend{}, 0);
            std::vector<podscope::manifest> children;
            for (std::size_t i = 0; i != count; ++i) {
                children.push_back(podscope::manifest{"newcomer" + std::to_string(i)}.may(
                    rules::write(place_of(i))));
            }
            return [all, children] {
                const auto made = must(all->planner.delegate_all(children));
                for (const auto& child : children) {
                    must(all->planner.reclaim(child.name));
                }
                return made.size();
            };
        },
        times_counted);
    add_operation(
        of(count, "rules delegated to one child, and reclaimed"),
        [count] {
            auto all = std::make_shared<population>(memory_backend{}, 0);
            podscope::manifest lead{"lead"};
            podscope::manifest child{"newcomer"};
            for (std::size_t i = 0; i != count; ++i) {
                const auto rule = rules::write("/other" + place_of(i));
                lead.may(rule).may_delegate(rule);
                child.may(rule);
            }
            auto from = std::make_shared<population::pod>(must(all->library.create(lead)));
            return [all, from, child] {
                must(from->delegate(child));
                return must(from->reclaim(child.name)).ended.size();
            };
        },
        times_counted);
    add_operation(
        of(count, "places checked at once"),
        [count] {
            auto all = std::make_shared<population>(memory_backend{}, 0);
            std::vector<std::string> places;
            for (std::size_t i = 0; i != count; ++i) {
                places.push_back(place_of(i));
            }
            return [all, places] {
                return must(all->planner.check_all(places, podscope::permission::write)).size();
            };
        },
        times_counted);
}

const on_load here{[] {
    add_for(few);
    add_for(many);
    for (const std::string what :
         {"children delegated to at once, and reclaimed",
          "rules delegated to one child, and reclaimed", "places checked at once"}) {
        compare_instructions_each("each of " + of(many, what), {of(many, what), many},
                                  {of(few, what), few}, 2);
    }
}};

} // namespace
} // namespace podscope_bench
