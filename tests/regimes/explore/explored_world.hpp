// SPDX-License-Identifier: BSL-1.0
// A store, a sink and processes under a schedule: what each scenario of the explorer is played in.
#pragma once

#include "regimes/explore/explored_parts.hpp"
#include "regimes/explore/explored_run.hpp"
#include "regimes/explore/explored_sessions.hpp"
#include "regimes/explore/explored_storage.hpp"
#include "regimes/explore/judged_state.hpp"
#include "regimes/explore/open_check.hpp"
#include "support/invariants.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/pod.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/verify/schedule.hpp>
#include <podscope/verify/scheduled_probe.hpp>
#include <podscope/verify/scheduled_sink.hpp>
#include <podscope/verify/scheduled_store.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace regimes {

/// Beside the order of things a living process may be taken for one that hangs, a probe may know
/// nothing of a process, the sink may refuse, and actors may crash.
template <class Storage>
class explored_world final : public explored_run {
    // Sees each state that a check may be judged by.
    struct commit_listener {
        explored_world* world;

        void operator()() const { world->see_checks(); }
    };

public:
    using backend = watched_store<typename Storage::backend, commit_listener>;
    using library_type = podscope::basic_runtime<explored_parts<backend>>;
    using pod_type = podscope::basic_pod<explored_parts<backend>>;

    [[nodiscard]] podscope::verify::schedule& plan() override { return plan_; }

    [[nodiscard]] std::size_t most_crashes() const override { return 3; }

    [[nodiscard]] std::uint64_t shared_hash() const override {
        auto hash = storage_.hash();
        for (const auto& id : taken_) {
            hash = podscope::verify::mix(hash, id);
        }
        for (const auto& [pod, granted, process] : condemned_) {
            hash = podscope::verify::mix(podscope::verify::mix(hash, pod),
                                         static_cast<std::uint64_t>(granted));
            hash = podscope::verify::mix(hash, static_cast<std::uint64_t>(process));
        }
        for (const auto& what : noticed_) {
            hash = podscope::verify::mix(hash, what);
        }
        return podscope::verify::mix(hash, hash_of(open_checks_));
    }

    [[nodiscard]] std::vector<std::string> broken() override {
        auto all = podscope_test::broken_invariants(state(), explored_places(), {}, taken_);
        all.insert(all.end(), noticed_.begin(), noticed_.end());
        return all;
    }

    /// Whoever restores what is left, with a probe that sees all processes dead, ends with nothing
    /// left over but the records of pods that have lost what they were given.
    [[nodiscard]] std::vector<std::string> broken_at_the_end() override {
        storm_is_over_ = true;
        auto last = library_of("the last one", last_process);
        bool goes_on = true;
        while (goes_on) {
            goes_on = false;
            const podscope_test::stored_state left = state();
            for (const auto& [name, record] : left.of<podscope::tables::pods>()) {
                const auto parent = record.delegated_from;
                if (!parent.empty() && left.of<podscope::tables::pods>().contains(parent)) {
                    continue; // its parent's
                }
                auto back = last.restore(name);
                if (!back && back.error().category == podscope::errc::stale_epoch) {
                    (void)last.deliver(name);
                    continue;
                }
                if (!back) {
                    notice(not_live(name, "restored", back.error()));
                    continue;
                }
                if (auto done = back->pod.release(); !done) {
                    notice(not_live(name, "released", done.error()));
                }
                goes_on = done_something(left);
            }
        }
        // Who released his pod while the sink refused was told that this is left to do.
        const podscope_test::stored_state untold = state();
        for (const auto& [key, told] : untold.of<podscope::tables::outbox>()) {
            (void)last.deliver(told.pod);
        }
        auto all = broken();
        for (auto& what : left_over(state())) {
            all.push_back(std::move(what));
        }
        return all;
    }

    // For scenarios, before anything runs.

    /// The library as a process of its own has it: the one of the actor with that number, or one
    /// that is dead from the beginning.
    [[nodiscard]] library_type library_of(const std::string& name, std::int64_t process) {
        const auto possible = [this](const podscope::probe_subject& one) {
            return possible_verdicts(one);
        };
        const auto told = [this, process](const podscope::probe_subject& one,
                                          podscope::verdict found) {
            told_[process].insert_or_assign({one.pod, one.granted, one.owner.pid}, found);
            if (found == podscope::verdict::missing || found == podscope::verdict::unreachable) {
                condemned_.insert({one.pod, one.granted, one.owner.pid});
            }
        };
        return library_type{
            explored_parts<backend>{{storage_.open(), {this}},
                                    {segments_, name},
                                    {plan_, possible, told},
                                    {plan_, taken_, true},
                                    {},
                                    {},
                                    {},
                                    {{.boot = {1, 1},
                                      .pid_namespace = 1,
                                      .pid = process,
                                      .start_time = static_cast<std::uint64_t>(process)}}}};
    }

    /// The library as a process has it that has died before the scenario begins.
    [[nodiscard]] library_type library_of_the_dead() {
        return library_of("dead" + std::to_string(++dead_libraries_), dead_process);
    }

    /// A live pod's allocation goes, as one does that hangs on a lease.
    void let_vanish(const std::string& pod) {
        (void)podscope_test::must(storage_.open().write([&](auto& txn) -> podscope::result<int> {
            auto done = podscope::registry{txn}.erase(pod);
            return done ? podscope::result<int>{0} : podscope::fail(done);
        }));
    }

    /// An actor that runs `program(library)`.
    ///
    /// @param waits until somebody wakes it
    std::size_t
    act(const std::string& name, std::function<void(library_type&)> program, bool waits = false) {
        const auto number = plan_.size();
        auto mine =
            std::make_shared<library_type>(library_of(name, static_cast<std::int64_t>(number) + 1));
        libraries_.emplace(number, mine);
        return plan_.add(name, [mine, program = std::move(program)] { program(*mine); }, waits);
    }

    /// Another thread of the process of an actor, with the same library.
    void
    act_too(const std::string& name, std::size_t of, std::function<void(library_type&)> program) {
        plan_.add_thread(
            name, [mine = libraries_.at(of), program = std::move(program)] { program(*mine); }, of);
    }

    /// The process of the actor that is added next, for pods that it holds from the beginning.
    [[nodiscard]] library_type library_of_next(const std::string& name) {
        return library_of(name + "-before", static_cast<std::int64_t>(plan_.size()) + 1);
    }

    // What actors do, held against the promises made for it.

    /// I7, I9: a check says what the registry says at a moment between its begin and its end, and
    /// nobody has lost his pod of whom no probe had said that he is gone.
    void check(const library_type& library, const pod_type& pod, const std::string& place) {
        ask(library, pod, place, [&] { return pod.check(place, podscope::permission::write); });
    }

    /// The same of a permit, and of its fence.
    void show(const library_type& library, const pod_type& pod, const std::string& place) {
        ask(library, pod, place,
            [&] { return pod.permit_for(place, podscope::permission::write); });
    }

    // How both are asked for, by `what()`.
    template <class What>
    void
    ask(const library_type& library, const pod_type& pod, const std::string& place, What what) {
        open_check<pod_type> now{.pod = &pod, .place = place};
        if constexpr (!Storage::checks_in_one_step) {
            static_cast<void>(plan_.point("begin a check"));
            now.see(state());
        }
        open_checks_.push_back(&now);
        const auto said = what();
        std::erase(open_checks_, &now);
        if constexpr (Storage::checks_in_one_step) {
            now.see(state());
        }
        if (plan_.is_alive() && !said && said.error().category == podscope::errc::revoked) {
            expect_condemned(pod, library.parts().self.identity.pid);
        }
        if (plan_.is_alive() && !now.is_right(said)) {
            notice("I7: " + now.told(said.has_value()));
        }
    }

    [[nodiscard]] std::optional<pod_type> adopt(library_type& library,
                                                const podscope::grant& shown) {
        auto made = library.adopt(shown);
        if (!plan_.is_alive() || !made) {
            return std::nullopt;
        }
        const podscope_test::stored_state now = state();
        const auto row = now.of<podscope::tables::allocations>().find(shown.pod);
        if (row == now.of<podscope::tables::allocations>().end() ||
            row->second.granted != shown.granted || !row->second.adopted) {
            notice("I7: '" + shown.pod + "' was adopted under a grant that is over");
        }
        return std::move(*made);
    }

    /// I10, I4, I5: who is restored has been reconciled and has told of it.
    std::optional<pod_type> restore(library_type& library, const std::string& name) {
        auto& told = told_by(library);
        told.clear();
        const podscope_test::stored_state before = state();
        auto back = library.restore(name);
        if (!plan_.is_alive() || !back) {
            return std::nullopt;
        }
        expect_settled(before, name, told);
        for (const auto& one : back->report.ended) {
            expect_told(name, one, back->report);
        }
        return std::move(back->pod);
    }

    void reconcile(library_type& library, pod_type& pod) {
        auto& told = told_by(library);
        told.clear();
        const podscope_test::stored_state before = state();
        const auto report = pod.reconcile();
        if (plan_.is_alive() && report) {
            expect_settled(before, pod.name(), told);
            for (const auto& one : report->ended) {
                expect_told(pod.name(), one, *report);
            }
        }
    }

    void release(pod_type& pod) {
        const auto done = pod.release();
        if (plan_.is_alive() && done) {
            const podscope_test::stored_state now = state();
            const auto row = now.of<podscope::tables::allocations>().find(pod.name());
            if (row != now.of<podscope::tables::allocations>().end() &&
                row->second.granted == pod.granted()) {
                notice("'" + pod.name() + "' was released and is live");
            }
            const auto record = now.of<podscope::tables::pods>().find(pod.name());
            if (record != now.of<podscope::tables::pods>().end() &&
                record->second.granted == pod.granted()) {
                notice("'" + pod.name() + "' was released and can be restored");
            }
        }
    }

    void notice(std::string what) { noticed_.push_back(std::move(what)); }

private:
    void see_checks() {
        if constexpr (!Storage::checks_in_one_step) {
            for (auto* const one : open_checks_) {
                one->see(state());
            }
        }
    }

    // What a process was told of whom since it last began to restore or to reconcile.
    using incarnation = std::tuple<std::string, podscope::epoch, std::int64_t>;
    using answers = std::map<incarnation, podscope::verdict>;

    [[nodiscard]] answers& told_by(const library_type& library) {
        return told_[library.parts().self.identity.pid];
    }

    static constexpr std::int64_t dead_process = 900;
    static constexpr std::int64_t last_process = 901;

    [[nodiscard]] podscope_test::stored_state state() const { return storage_.state(); }

    [[nodiscard]] bool done_something(const podscope_test::stored_state& before) const {
        return !(state() == before);
    }

    [[nodiscard]] std::vector<podscope::verdict>
    possible_verdicts(const podscope::probe_subject& one) const {
        using podscope::verdict;
        if (storm_is_over_) {
            return {verdict::missing};
        }
        const auto process = one.owner.pid;
        const auto actor = static_cast<std::size_t>(process - 1);
        const bool is_dead =
            process == dead_process || (actor < plan_.size() && plan_.is_crashed(actor));
        if (is_dead) {
            return {verdict::missing, verdict::unknown};
        }
        return {verdict::reachable, verdict::unreachable, verdict::unknown};
    }

    // None of those who were below it is left whose process was found to be gone. Who came to be
    // below it meanwhile is the next one's to look at.
    void expect_settled(const podscope_test::stored_state& before,
                        const std::string& name,
                        const answers& told) {
        const podscope_test::stored_state after = state();
        const auto now = podscope_test::rows_of<podscope::tables::delegations>(after, name);
        const auto& rows = after.of<podscope::tables::allocations>();
        for (const auto& made :
             podscope_test::rows_of<podscope::tables::delegations>(before, name)) {
            const auto row = rows.find(made.child);
            if (row == rows.end() || std::ranges::find(now, made) == now.end()) {
                continue;
            }
            const auto found = told.find({made.child, made.granted, row->second.owner.pid});
            if (found != told.end() && found->second == podscope::verdict::missing) {
                notice("I10: '" + name + "' still has a delegation to '" + made.child +
                       "', which was found missing");
            }
        }
    }

    // Who ended without a word of a probe was taken back or gave back what he had.
    void expect_condemned(const pod_type& pod, std::int64_t process) {
        if (condemned_.contains({pod.name(), pod.granted(), process}) ||
            was_given_up(state(), {.pod = pod.name(), .granted = pod.granted()})) {
            return;
        }
        notice("I9: '" + pod.name() + "' of epoch " +
               std::to_string(static_cast<std::uint64_t>(pod.granted())) +
               " was taken from a living process");
    }

    void expect_told(const std::string& heir,
                     const podscope::ended_delegation& one,
                     const podscope::reconcile_report& report) {
        const auto id = "ended/" + heir + '/' + one.child + '/' +
                        std::to_string(static_cast<std::uint64_t>(one.granted));
        bool waits = taken_.contains(id);
        for (const auto& told : report.undelivered) {
            waits = waits || told.id == id;
        }
        const podscope_test::stored_state now = state();
        const auto history = podscope_test::rows_of<podscope::tables::history>(now, heir);
        if (std::ranges::find(history, one) == history.end()) {
            notice("I5: '" + heir + "' has no history of " + id);
        }
        if (!waits) {
            notice("I5: '" + heir + "' is in use before it was told of " + id);
        }
    }

    explored_segments segments_{};
    std::set<std::string> taken_{};
    std::map<std::int64_t, answers> told_{};
    std::set<incarnation> condemned_{};
    std::vector<std::string> noticed_{};
    bool storm_is_over_ = false;
    int dead_libraries_ = 0; // each names its segments by itself
    std::map<std::size_t, std::shared_ptr<library_type>> libraries_{}; // by their actors
    std::vector<open_check<pod_type>*> open_checks_{};
    Storage storage_{plan_}; // goes by its address alone
    // After what actors use, which find it there when they are let go because they have not ended.
    podscope::verify::schedule plan_{};
};

} // namespace regimes
