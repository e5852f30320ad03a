// SPDX-License-Identifier: BSL-1.0
// Random sequences of operations, of deaths and of other accidents, played to the library and to
// the reference model at once; after each step both must have answered alike, must hold the same,
// and every invariant must hold.
#pragma once

#include "support/choices.hpp"
#include "support/effort.hpp"
#include "support/mirrored_game.hpp"
#include "support/reference_model.hpp"
#include "support/results.hpp"
#include "support/shrinking.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/concept.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_test {

/// One sequence.
template <podscope::typed_store Backend>
class sequence : private mirrored_game<Backend> {
public:
    /// @param open opens the backend: all copies that it gives are of one store
    sequence(std::function<Backend()> open, choices chosen)
        : base{std::move(open), std::move(chosen), places(), 2} {}

    /// Plays so many steps, or fewer if the choices were given and are used up. Throws `game_lost`
    /// at the first one that goes wrong.
    void play(std::size_t most) {
        for (std::size_t i = 0; i != most && !choices_.is_over(); ++i) {
            step();
            judge();
        }
    }

private:
    using base = mirrored_game<Backend>;
    using base::any_manifest;
    using base::any_pod;
    using base::as_manifest;
    using base::backend_;
    using base::bury;
    using base::chance;
    using base::check;
    using base::choices_;
    using base::compare;
    using base::epoch_of;
    using base::judge;
    using base::log_;
    using base::model_;
    using base::note;
    using base::number;
    using base::open_;
    using base::pick;
    using base::pods_;
    using base::settled;
    using base::sink_;
    using base::take;
    using base::take_restored;
    using base::told;
    using base::vanish;
    using base::world_;
    using typename base::actor;
    using typename base::held_pod;

    static const reference_universe& places() {
        // Two names that rules mention and one that none does; two levels below the deepest rule.
        static const reference_universe all{{"a", "b", "other"}, 4};
        return all;
    }

    // Chances.

    [[nodiscard]] std::string any_name() {
        static constexpr std::string_view names[] = {"ada", "bob", "cyd", "dan", "eve", "fay"};
        return std::string{names[pick(std::size(names))]};
    }

    // Actors.

    [[nodiscard]] actor& any_actor() {
        if (actors_.empty() || (actors_.size() < 8 && chance(40))) {
            actors_.push_back(this->new_actor());
        }
        return actors_[pick(actors_.size())];
    }

    // Steps.

    void step() {
        switch (pick(25)) {
        case 0:
        case 1: return create();
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
        case 7: return delegate();
        case 8:
        case 9:
        case 10:
        case 11: return adopt();
        case 12: return with_pod("release", &sequence::release);
        case 13: return with_pod("reclaim", &sequence::reclaim);
        case 14: return with_pod("reconcile", &sequence::reconcile);
        case 15: return with_pod("deliver", &sequence::deliver);
        case 16: return kill();
        case 17: return hang_or_wake();
        case 18: return vanish(any_name());
        case 19: return abandon();
        case 20:
        case 21:
        case 22: return restore();
        case 23: return chance(50) ? let_sink_fail() : reclaim_stale();
        default: return chance(15) ? reboot() : restore_with_manifest();
        }
    }

    void create() {
        const auto name = any_name();
        const auto made = any_manifest({});
        auto& by = any_actor();
        note("create " + name + told(made) + " by " + std::to_string(by.identity.pid));
        const auto wanted = model_.create(name, made, by.identity.pid);
        take(by.library.create(as_manifest(name, made)), wanted, by.identity.pid);
    }

    void delegate() {
        auto* from = any_pod();
        if (from == nullptr) {
            return;
        }
        const auto& parent = from->pod;
        const auto record = model_.state().records.find(parent.name());
        const auto child = any_name();
        const auto made = any_manifest(record == model_.state().records.end()
                                           ? std::vector<reference_rule>{}
                                           : record->second.manifest.authority);
        note("delegate " + parent.name() + '/' + number(parent) + " to " + child + told(made));
        const auto wanted =
            model_.delegate(parent.name(), epoch_of(parent), child, made, from->process);
        auto got = from->pod.delegate(as_manifest(child, made));
        if (compare(wanted, got)) {
            check(static_cast<std::uint64_t>(got->granted) == model_.last_epoch(), "another epoch");
            grants_.push_back(*got);
        }
    }

    void adopt() {
        if (grants_.empty()) {
            return;
        }
        // Mostly the newest, and at times one that is long gone.
        const auto shown = chance(70) ? grants_.back() : grants_[pick(grants_.size())];
        auto& by = any_actor();
        note("adopt " + shown.to_text() + " by " + std::to_string(by.identity.pid));
        const auto wanted =
            model_.adopt(shown.pod, static_cast<std::uint64_t>(shown.granted), by.identity.pid);
        take(by.library.adopt(shown), wanted, by.identity.pid);
    }

    void with_pod(std::string_view what, void (sequence::*act)(held_pod&)) {
        if (auto* one = any_pod()) {
            note(std::string{what} + ' ' + one->pod.name() + '/' + number(one->pod));
            (this->*act)(*one);
        }
    }

    void release(held_pod& one) {
        const auto wanted = model_.release(one.pod.name(), epoch_of(one.pod));
        (void)compare(wanted, one.pod.release());
    }

    void reclaim(held_pod& one) {
        const auto child = any_name();
        log_ += "    of " + child + '\n';
        const auto wanted = model_.reclaim(one.pod.name(), epoch_of(one.pod), child);
        (void)compare(wanted, one.pod.reclaim(child));
    }

    void reconcile(held_pod& one) {
        const auto wanted = model_.reconcile(one.pod.name(), epoch_of(one.pod));
        if (compare(wanted, one.pod.reconcile())) {
            settled(one.pod.name());
            const stored_state before{backend_};
            const auto outbox = model_.state().outbox;
            const auto again = one.pod.reconcile();
            check(again && !again->changed(), "a second reconcile changes something");
            check(stored_state{backend_} == before, "a second reconcile leaves something else");
        }
    }

    void deliver(held_pod& one) {
        const auto wanted = model_.deliver(one.pod.name(), epoch_of(one.pod));
        (void)compare(wanted, one.pod.deliver());
    }

    void kill() {
        if (actors_.empty()) {
            return;
        }
        const auto at = pick(actors_.size());
        note("kill " + std::to_string(actors_[at].identity.pid));
        world_.kill(actors_[at].identity);
        model_.kill(actors_[at].identity.pid);
        bury(actors_[at].identity.pid);
        actors_.erase(actors_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    void hang_or_wake() {
        if (!hung_.empty() && chance(60)) {
            const auto at = pick(hung_.size());
            note("wake " + std::to_string(hung_[at].identity.pid));
            world_.wake(hung_[at].identity);
            model_.wake(hung_[at].identity.pid);
            actors_.push_back(std::move(hung_[at]));
            hung_.erase(hung_.begin() + static_cast<std::ptrdiff_t>(at));
        } else if (!actors_.empty()) {
            const auto at = pick(actors_.size());
            note("hang " + std::to_string(actors_[at].identity.pid));
            world_.hang(actors_[at].identity);
            model_.hang(actors_[at].identity.pid);
            hung_.push_back(std::move(actors_[at]));
            actors_.erase(actors_.begin() + static_cast<std::ptrdiff_t>(at));
        }
    }

    void abandon() {
        auto* one = any_pod();
        if (one == nullptr) {
            return;
        }
        note("abandon " + one->pod.name() + '/' + number(one->pod));
        model_.abandon(one->pod.name(), epoch_of(one->pod));
        pods_.erase(pods_.begin() + (one - pods_.data()));
    }

    void restore() {
        const auto name = any_name();
        auto& by = any_actor();
        note("restore " + name + " by " + std::to_string(by.identity.pid));
        const auto wanted = model_.restore(name, by.identity.pid);
        take_restored(by.library.restore(name), wanted, by.identity.pid);
    }

    void restore_with_manifest() {
        const auto name = any_name();
        const auto record = model_.state().records.find(name);
        const auto made =
            any_manifest(record == model_.state().records.end() ? std::vector<reference_rule>{}
                                                                : record->second.manifest.allow);
        auto& by = any_actor();
        note("restore " + name + " with" + told(made) + " by " + std::to_string(by.identity.pid));
        const auto wanted = model_.restore(name, by.identity.pid, made);
        take_restored(by.library.restore(as_manifest(name, made)), wanted, by.identity.pid);
    }

    void reclaim_stale() {
        note("reclaim stale");
        model_.reclaim_stale();
        auto& by = any_actor();
        check(by.library.reclaim_stale().has_value(), "reclaim_stale fails");
    }

    void let_sink_fail() {
        const bool fails = chance(40);
        note(fails ? "the sink fails" : "the sink works");
        model_.let_sink_fail(fails);
        sink_.fail(fails);
    }

    void reboot() {
        note("reboot");
        for (auto* list : {&actors_, &hung_}) {
            for (auto& one : *list) {
                world_.kill(one.identity);
                model_.kill(one.identity.pid);
                bury(one.identity.pid);
            }
            list->clear();
        }
        backend_ = open_();
    }

    std::vector<actor> actors_{};
    std::vector<actor> hung_{};
    std::vector<podscope::grant> grants_{};
};

/// Of a sequence that nobody shortens.
inline constexpr std::size_t sequence_steps = 40;

/// Plays sequences to a backend (see configurations.hpp), each to a new one. PODSCOPE_SEED=n begins
/// with the sequence of that seed, PODSCOPE_SEQUENCES=n plays so many.
template <class Backend>
void play_sequences(std::uint64_t count) {
    const auto first = number_from_environment("PODSCOPE_SEED", 1);
    const auto end = first + rounds("PODSCOPE_SEQUENCES", count);
    play_seeds(first, end, "PODSCOPE_SEQUENCES", [](choices chosen) {
        const Backend backend;
        sequence<typename Backend::store>{[&] { return backend.open(); }, std::move(chosen)}.play(
            sequence_steps);
    });
}

} // namespace podscope_test
