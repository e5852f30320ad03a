// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "company.hpp"
#include "invariants.hpp"
#include "narrator.hpp"
#include "outcome.hpp"
#include "roles.hpp"
#include "trials.hpp"
#include "wording.hpp"
#include "worker.hpp"
#include "workspace.hpp"

#include <podscope/podscope.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace demo {

/// The story: a team at work, a crash, a restore, and what holds after it. The demo's own process
/// holds no pod. It starts the others, passes their grants on, brings about what goes wrong, and
/// looks.
template <class World>
class story {
public:
    story(company& everybody,
          World& world,
          const workspace& place,
          const narrator& told_by,
          bool enforce)
        : company_{&everybody},
          world_{&world},
          place_{&place},
          words_{place},
          narrator_{&told_by},
          invariants_{words_},
          enforce_{enforce} {}

    story(const story&) = delete;
    story& operator=(const story&) = delete;

    [[nodiscard]] outcome tell() {
        const struct {
            const char* name;
            podscope::result<void> (story::*happens)();
        } steps[] = {
            {"the team starts", &story::start},
            {"the team crashes", &story::crash},
            {"the planner is restored", &story::restore},
            {"what came back is handed on again", &story::hand_on},
            {"everybody who lives tries to write everywhere", &story::try_everything},
            {"everybody goes home", &story::dismiss},
        };

        for (const auto& step : steps) {
            if (auto done = (this->*step.happens)(); !done) {
                // What was not looked at to the end is not said to hold.
                collect_checks();
                std::erase_if(seen_.checks, [](const check& one) { return one.holds(); });
                seen_.checks.push_back({.name = "the story",
                                        .claim = step.name,
                                        .violations = {place_->shown(to_string(done.error()))}});
                narrator_->checks(seen_);
                return std::move(seen_);
            }
        }
        collect_checks();
        narrator_->checks(seen_);
        return std::move(seen_);
    }

private:
    using done_or_why = podscope::result<void>;

    done_or_why start() {
        narrator_->begin();
        if (auto known = check_regions(); !known) {
            return known;
        }
        for (const auto& region : place_->regions()) {
            std::error_code refused;
            std::filesystem::create_directories(place_->path_of(region), refused);
            if (refused) {
                return podscope::fail({.category = podscope::errc::io,
                                       .message = "cannot make a folder for the team",
                                       .path = place_->path_of(region),
                                       .system = refused});
            }
        }
        auto planner = company_->start(std::string{root_pod}, "create", std::string{root_pod});
        if (!planner) {
            return podscope::fail(planner);
        }
        if (auto done = start_children_of(place_->team()); !done) {
            return done;
        }
        if (auto done = everybody_tries("before", &expectation::at_first); !done) {
            return done;
        }
        auto now = look("before the crash");
        if (!now) {
            return podscope::fail(now);
        }
        seen_.before = std::move(*now);
        narrator_->team(*seen_.before);
        return {};
    }

    // The story knows how it has to end only for the regions that it was written for.
    done_or_why check_regions() const {
        std::set<std::string> expected;
        for (const auto& one : expectations) {
            expected.emplace(one.region);
        }
        if (expected == place_->regions()) {
            return {};
        }
        return podscope::fail({.category = podscope::errc::invalid_manifest,
                               .message = "the team's regions are not those in roles.hpp"});
    }

    done_or_why start_children_of(const podscope::team& parent) {
        for (const auto& child : parent.children) {
            if (auto done = delegate(parent.pod.name, child.pod.name); !done) {
                return done;
            }
            if (auto done = start_children_of(child); !done) {
                return done;
            }
        }
        return {};
    }

    // The parent reserves, the demo starts a process with the grant, and that adopts.
    done_or_why delegate(const std::string& parent, const std::string& child) {
        auto made = company_->ask<granted_pod>(company_->of(parent),
                                               {.what = verb::delegate, .child = child});
        if (!made) {
            return podscope::fail(made);
        }
        auto started = company_->start(child, "adopt", made->grant);
        if (!started) {
            return podscope::fail(started);
        }
        grants_[child].push_back(started->granted);
        if (enforce_) {
            auto done = company_->ask<changed>(company_->of(child), {.what = verb::confine});
            if (!done) {
                return podscope::fail(done);
            }
        }
        return {};
    }

    done_or_why crash() {
        for (const auto& one : parts) {
            if (auto done = befall(company_->of(one.pod), one.meets); !done) {
                return done;
            }
        }
        auto done = company_->send(company_->of(root_pod), SIGKILL, liveness::dead);
        if (!done) {
            return done;
        }
        auto now = picture_now();
        if (!now) {
            return podscope::fail(now);
        }
        seen_.crashed = std::move(*now);
        narrator_->crashed(*seen_.crashed);
        return {};
    }

    done_or_why befall(process& whom, fate met) {
        switch (met) {
        case fate::healthy: break;
        case fate::killed: return company_->send(whom, SIGKILL, liveness::dead);
        case fate::stopped: return company_->send(whom, SIGSTOP, liveness::stopped);
        case fate::row_removed:
            return world_->parts().backend.write(
                [&](auto& txn) { return podscope::registry{txn}.erase(whom.pod()); });
        }
        return {};
    }

    done_or_why restore() {
        auto back = company_->start(std::string{root_pod}, "restore", std::string{root_pod});
        if (!back) {
            return podscope::fail(back);
        }
        seen_.notifications = std::move(back->told);
        auto now = look("after the restore");
        if (!now) {
            return podscope::fail(now);
        }
        invariants_.examine_restored(root_pod, now->stored, seen_.notifications, expected_ends());
        seen_.after = std::move(*now);
        narrator_->restored(*seen_.after, seen_.notifications);
        return {};
    }

    [[nodiscard]] std::vector<expected_end> expected_ends() const {
        std::vector<expected_end> ends;
        for (const auto& one : parts) {
            if (const auto ending = ending_of(one.meets); ending.ends) {
                ends.push_back({.what = podscope::event::ended,
                                .child = std::string{one.pod},
                                .delegator = std::string{root_pod},
                                .granted = grants_.at(std::string{one.pod}).front(),
                                .reason = ending.reason});
            }
        }
        ends.push_back({.what = podscope::event::adopted,
                        .child = std::string{orphan},
                        .delegator = std::string{parent_of_orphan},
                        .granted = grants_.at(std::string{orphan}).front(),
                        .reason = podscope::end_reason::missing});
        return ends;
    }

    done_or_why hand_on() {
        auto done = delegate(std::string{root_pod}, std::string{started_anew});
        if (done) {
            narrator_->handed_on(company_->of(started_anew).label());
        }
        return done;
    }

    done_or_why try_everything() {
        for (const auto& one : parts) {
            if (one.meets == fate::stopped) {
                auto done = company_->send(company_->of(one.pod), SIGCONT, liveness::alive);
                if (!done) {
                    return done;
                }
            }
        }
        if (auto done = everybody_tries("after", &expectation::at_last); !done) {
            return done;
        }
        narrator_->tried(seen_.may_write);
        if (enforce_) {
            narrator_->enforced();
        }
        examine_fences();
        auto again = company_->ask<changed>(company_->of(root_pod), {.what = verb::reconcile});
        if (!again) {
            return podscope::fail(again);
        }
        if (again->anything) {
            idempotence_.violations.emplace_back("it changed something");
        }
        auto now = look("at the end");
        return now ? done_or_why{} : podscope::fail(now);
    }

    done_or_why everybody_tries(const std::string& when, std::string_view expectation::* expected) {
        auto trials = try_everywhere(*company_, *place_, when, expected);
        if (!trials) {
            return podscope::fail(trials);
        }
        for (auto& found : violations_in(*trials, *place_, when)) {
            tried_.violations.push_back(std::move(found));
        }
        seen_.may_write = std::move(*trials);
        return enforce_ ? everybody_trespasses(when) : done_or_why{};
    }

    done_or_why everybody_trespasses(const std::string& when) {
        auto wrong = trespass_everywhere(*company_, *place_, when);
        if (!wrong) {
            return podscope::fail(wrong);
        }
        for (auto& found : *wrong) {
            enforcement_.violations.push_back(std::move(found));
        }
        return {};
    }

    // Those that live on after their grant has ended: whatever they try is refused.
    void examine_fences() {
        std::map<std::string, std::vector<std::string>> not_refused;
        for (const auto& one : seen_.may_write) {
            for (const auto& [label, how] : one.by) {
                if (is_fenced(label) && how.category != to_string(podscope::errc::revoked)) {
                    not_refused[label].push_back(one.region);
                }
            }
        }
        for (const auto& [label, regions] : not_refused) {
            fencing_.violations.push_back(label + " was not told that its grant has ended, in " +
                                          joined(regions, ", "));
        }
        for (auto& whom : company_->everybody()) {
            if (!is_fenced(whom.label())) {
                continue;
            }
            auto released = company_->ask<changed>(whom, {.what = verb::release});
            if (released || released.error().category != podscope::errc::revoked) {
                fencing_.violations.push_back(whom.label() + " could release its pod");
            }
        }
    }

    static bool is_fenced(std::string_view label) {
        return std::ranges::find(fenced, label) != fenced.end();
    }

    done_or_why dismiss() {
        auto wrong = company_->dismiss();
        if (!wrong) {
            return podscope::fail(wrong);
        }
        for (const auto& label : *wrong) {
            processes_.violations.push_back(label + " ended in another way");
        }
        return {};
    }

    [[nodiscard]] podscope::result<picture> picture_now() {
        auto state = read_state(*world_, place_->regions(), [&](const std::string& region) {
            return place_->path_of(region) + "/any-file";
        });
        if (!state) {
            return podscope::fail(state);
        }
        return picture{std::move(*state), seen(company_->everybody())};
    }

    // Takes a picture, and looks whether I1 to I4 hold in it.
    [[nodiscard]] podscope::result<picture> look(const std::string& moment) {
        auto now = picture_now();
        if (!now) {
            return podscope::fail(now);
        }
        memories remembered;
        for (auto& whom : company_->everybody()) {
            if (whom.state() != liveness::alive || now->holder_of(whom.pod()) != whom.pid()) {
                continue;
            }
            auto answer = company_->ask<memory>(whom, {.what = verb::recall});
            if (!answer) {
                return podscope::fail(answer);
            }
            remembered.emplace(whom.pod(), std::move(answer->layers));
        }
        invariants_.examine(moment, now->stored, remembered);
        return now;
    }

    void collect_checks() {
        seen_.checks = invariants_.checks();
        for (const auto& one : {tried_, fencing_, idempotence_, processes_}) {
            seen_.checks.push_back(one);
        }
        if (enforce_) {
            seen_.checks.push_back(enforcement_);
        }
    }

    company* company_;
    World* world_;
    const workspace* place_;
    wording words_;
    const narrator* narrator_;
    invariants invariants_;
    bool enforce_;
    std::map<std::string, std::vector<podscope::epoch>> grants_{};
    outcome seen_{};
    check tried_{"I1 exclusion, tried", "in each region one process could write, the expected one"};
    check fencing_{"I7 fencing", "those whose grant has ended were refused everything"};
    check idempotence_{"I8 idempotence", "to reconcile once more changes nothing"};
    check enforcement_{"enforcement", "the kernel kept each child out of what it was not given"};
    check processes_{"processes", "all that were not killed ended by themselves"};
};

} // namespace demo
