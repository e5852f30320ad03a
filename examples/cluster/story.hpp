// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/table.hpp"
#include "host.hpp"
#include "life.hpp"
#include "messages.hpp"
#include "narrator.hpp"
#include "network.hpp"
#include "planner.hpp"
#include "site.hpp"
#include "worker.hpp"

#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace demo {

/// What the story cannot go on without. Throws what stood in its way.
template <class T>
T need(podscope::result<T> given) {
    if (!given) {
        throw std::runtime_error{to_string(given.error())};
    }
    if constexpr (!std::is_void_v<T>) {
        return *std::move(given);
    }
}

/// Tells it. The story's own process has no network but the switch: it speaks to the hosts as
/// somebody does who sits in front of each.
class story {
public:
    explicit story(narrator& told_by) : told_by_{told_by} {}

    /// Whether all that was claimed was so.
    [[nodiscard]] bool tell() {
        told_by_.say("\npodscope: three hosts, with a member of an etcd cluster on each. The "
                     "planner of a\ntree is on one of them, who works for it on the others. Then "
                     "one is cut off.\n");
        come_up();
        delegate();
        cut_off();
        go_on();
        come_back();
        work_again();
        told_by_.say(told_by_.all_holds() ? "\nAll of it holds.\n\n"
                                          : "\nNot all of it holds.\n\n");
        return told_by_.all_holds();
    }

private:
    void come_up() {
        told_by_.step("The hosts come up, each in a network of its own");
        for (const auto* each : {&alder_, &birch_, &cedar_}) {
            need(each->tell({.what = verb::boot}));
            need(each->tell({.what = verb::join}));
        }
        for (const auto* each : {&alder_, &birch_, &cedar_}) {
            need(each->result_of_order());
            need(each->result_of_order());
        }
        table hosts;
        hosts.add({"alder", alder.address, "the planner"});
        hosts.add({"birch", birch.address, "who works for it"});
        hosts.add({"cedar", cedar.address, "who works for it"});
        told_by_.say(hosts.text("  "));
    }

    void delegate() {
        told_by_.step("The planner delegates; what a host holds hangs on its lease of " +
                      std::to_string(lease_term.count()) + " s");
        need(alder_.ask({.what = verb::create}));
        coder_ = hand_to(birch_, "coder", "/ws/src");
        tester_ = hand_to(cedar_, "tester", "/ws/tests");
        linter_ = hand_to(cedar_, "linter", "/ws/docs");
        permit_ = need(cedar_.ask(at("tester", verb::permit))).text;
        holds(alder_.ask({.what = verb::validate, .shown = permit_}),
              "on alder the permit counts that tester shows there, '" + permit_ + "'");
        show_owners();
    }

    void cut_off() {
        told_by_.step("The cable of cedar is pulled");
        need(cedar_.tell(at("tester", verb::work)));
        need(network::cut(cedar));
        const auto back =
            need(alder_.ask({.what = verb::await_write, .place = place_of("tester")}));
        const auto stopped = need(cedar_.result_of_order());
        const auto between = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::nanoseconds{back.at - stopped.at});
        told_by_.claim(stopped.at != 0 && between.count() > 0,
                       "tester's last yes was " + std::to_string(between.count()) +
                           " ms before the planner's first; from then on it was told",
                       stopped.text);
        unheard(cedar_.ask(at("linter", verb::check)),
                "linter, on the same host, has to stop as well");
        holds(alder_.ask({.what = verb::check, .place = place_of("linter")}),
              "the planner has back what linter held, too");
        ended_once();
        show_owners();
    }

    void go_on() {
        told_by_.step("The two hosts that are left go on");
        holds(birch_.ask(at("coder", verb::check)), "coder works as if nothing had happened");
        told_by_.claim(listed(alder_, verb::children) == std::vector{coder_},
                       "the planner's record has coder, and nobody else");
        heir_ = hand_to(birch_, "tester", place_of("tester"));
        holds(birch_.ask(at("tester", verb::check)),
              "a new tester, on birch, works with the grant " + heir_);
        unheard(cedar_.ask(at("tester", verb::check)),
                "the old one, on cedar, is told no whenever it asks");
        show_owners();
    }

    void come_back() {
        told_by_.step("The cable is put back");
        need(network::mend(cedar));
        using podscope::errc;
        refused(cedar_.ask(at("tester", verb::ask_cluster)), errc::revoked,
                "cedar's tester finds itself fenced as soon as it hears of the cluster");
        refused(cedar_.ask(at("linter", verb::check)), errc::revoked, "so does linter");
        refused(alder_.ask({.what = verb::validate, .shown = permit_}), errc::revoked,
                "the permit that it had is worth nothing");
        refused(cedar_.ask({.what = verb::adopt, .shown = tester_}), errc::stale_epoch,
                "its grant cannot be adopted again");
        refused(cedar_.ask(at("tester", verb::delegate)), errc::revoked, "it can delegate nothing");
        refused(cedar_.ask(at("tester", verb::release)), errc::revoked,
                "and give nothing back that is another's by now");
        holds(birch_.ask(at("tester", verb::check)), "the tester on birch has lost nothing by it");
        told_by_.claim(need(alder_.ask({.what = verb::reconcile})).text == "nothing",
                       "there is nothing left to take back");
        ended_once();
    }

    void work_again() {
        told_by_.step("cedar gets work again, and everybody goes home");
        const auto again = hand_to(cedar_, "linter", place_of("linter"));
        holds(cedar_.ask(at("linter", verb::check)), "linter works with the grant " + again);
        need(cedar_.ask(at("linter", verb::release)));
        need(birch_.ask(at("tester", verb::release)));
        need(birch_.ask(at("coder", verb::release)));
        for (const auto* pod : {"coder", "tester", "linter"}) {
            holds(alder_.ask({.what = verb::check, .place = place_of(pod)}),
                  "the planner has " + place_of(pod) + " again");
        }
        need(alder_.ask({.what = verb::release}));
    }

    // Through the story, since a cluster does not start programs.
    std::string hand_to(const host& whom, const std::string& pod, const std::string& place) {
        places_[pod] = place;
        hosts_[pod] = whom.at().name;
        const auto grant = need(alder_.ask({.what = verb::delegate, .pod = pod, .place = place}));
        need(whom.ask({.what = verb::adopt, .shown = grant.text}));
        return grant.text;
    }

    [[nodiscard]] const std::string& place_of(const std::string& pod) const {
        return places_.at(pod);
    }

    [[nodiscard]] order at(const std::string& pod, verb what) const {
        return {.what = what, .pod = pod, .place = place_of(pod)};
    }

    [[nodiscard]] static std::vector<std::string> listed(const host& whom, verb what) {
        std::istringstream text{need(whom.ask({.what = what})).text};
        std::vector<std::string> lines;
        for (std::string line; std::getline(text, line);) {
            lines.push_back(line);
        }
        std::ranges::sort(lines);
        return lines;
    }

    void ended_once() {
        std::vector<std::string> ends{tester_ + " absent", linter_ + " absent"};
        std::ranges::sort(ends);
        told_by_.claim(listed(alder_, verb::ended) == ends,
                       "each of the two is in the planner's history once, as absent");
        told_by_.claim(listed(alder_, verb::told) == ends, "and the planner was told of each once",
                       ends[0] + ", " + ends[1]);
    }

    void holds(const podscope::result<answer>& given, const std::string& what) {
        told_by_.claim(given.has_value(), what, given ? "" : to_string(given.error()));
    }

    void
    refused(const podscope::result<answer>& given, podscope::errc why, const std::string& what) {
        told_by_.claim(!given && given.error().category == why, what,
                       given ? "nobody has refused it" : to_string(given.error()));
    }

    // By the library on that host alone, which cannot ask the cluster.
    void unheard(const podscope::result<answer>& given, const std::string& what) {
        const bool is_no_answer = !given && (given.error().category == podscope::errc::timeout ||
                                             given.error().category == podscope::errc::unavailable);
        told_by_.claim(is_no_answer, what,
                       given ? "nobody has refused it" : to_string(given.error()));
    }

    void show_owners() {
        table owners{{"place", "may be written by", "on"}};
        for (const auto& [pod, place] : places_) {
            const auto owner = need(alder_.ask({.what = verb::owner, .place = place})).text;
            const auto on = hosts_.find(owner);
            owners.add({place, owner, on == hosts_.end() ? alder.name : on->second});
        }
        told_by_.say("\n" + owners.text("  "));
    }

    narrator& told_by_;
    host alder_{need(host::start(alder, life<planner>::live))};
    host birch_{need(host::start(birch, life<worker>::live))};
    host cedar_{need(host::start(cedar, life<worker>::live))};
    std::map<std::string, std::string> places_{}; // of pods
    std::map<std::string, std::string> hosts_{};  // that hold them, or did
    std::string coder_{};                         // as granted
    std::string tester_{};
    std::string linter_{};
    std::string heir_{};
    std::string permit_{};
};

} // namespace demo
