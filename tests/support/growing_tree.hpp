// SPDX-License-Identifier: BSL-1.0
// How a random tree of pods comes to be, and what happens to those who hold them.
#pragma once

#include "support/mirrored_game.hpp"
#include "support/policy_of_model.hpp"
#include "support/reference_model.hpp"
#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_test {

/// One that grows, and to which accidents happen.
template <podscope::typed_store Backend>
class growing_tree : protected mirrored_game<Backend> {
private:
    using base = mirrored_game<Backend>;

protected:
    using base::any_manifest;
    using base::as_manifest;
    using base::backend_;
    using base::chance;
    using base::compare;
    using base::epoch_of;
    using base::model_;
    using base::note;
    using base::number;
    using base::pick;
    using base::pods_;
    using base::take;
    using base::told;
    using base::vanish;
    using base::world_;
    using typename base::actor;
    using typename base::held_pod;

    growing_tree(std::function<Backend()> open, choices chosen)
        : base{std::move(open), std::move(chosen), places(), 2} {}

    // Growing.

    void choose_policy() {
        const auto as = static_cast<model_policy>(pick(3));
        static constexpr std::string_view names[] = {"fence", "only the dead", "terminate"};
        note("the policy: " + std::string{names[static_cast<std::size_t>(as)]});
        policy_ = policy_of_model{as};
        model_.let_policy_be(as);
    }

    actor& somebody_new() {
        everybody_.push_back(this->new_actor(policy_));
        return everybody_.back();
    }

    void grow() {
        for (std::size_t roots = chance(20) ? 2 : 1; roots != 0; --roots) {
            plant();
        }
        for (std::size_t tries = 2 + pick(14); tries != 0; --tries) {
            branch();
        }
    }

    void plant() {
        const auto name = "root" + std::to_string(++named_);
        auto made = any_manifest({});
        if (chance(80)) {
            made.authority = made.allow;
        }
        auto& by = somebody_new();
        note("create " + name + told(made) + " by " + std::to_string(by.identity.pid));
        const auto wanted = model_.create(name, made, by.identity.pid);
        take(by.library.create(as_manifest(name, made)), wanted, by.identity.pid);
    }

    void branch() {
        if (pods_.empty()) {
            return;
        }
        // The newest most of all, so that trees get deep.
        auto& from = chance(50) ? pods_.back() : pods_[pick(pods_.size())];
        const auto parent = from.pod.name();
        if (depth_of(parent) == deepest) {
            return;
        }
        auto made = any_manifest(model_.state().records.at(parent).manifest.authority);
        if (chance(80)) {
            made.authority = made.allow;
        }
        if (chance(50)) {
            made.unreachable = static_cast<podscope::when_unreachable>(pick(3));
        }
        const auto child = "pod" + std::to_string(++named_);
        note("delegate " + parent + " to " + child + told(made));
        const auto wanted = model_.delegate(parent, epoch_of(from.pod), child, made, from.process);
        auto got = from.pod.delegate(as_manifest(child, made));
        if (!compare(wanted, got)) {
            return;
        }
        grants_.push_back(*got);
        if (chance(90)) {
            adopt(*got);
        }
    }

    void adopt(const podscope::grant& shown) {
        auto& by = somebody_new();
        note("adopt " + shown.to_text() + " by " + std::to_string(by.identity.pid));
        const auto wanted =
            model_.adopt(shown.pod, static_cast<std::uint64_t>(shown.granted), by.identity.pid);
        take(by.library.adopt(shown), wanted, by.identity.pid);
    }

    [[nodiscard]] std::size_t depth_of(std::string pod) const {
        std::size_t depth = 0;
        for (; !pod.empty(); ++depth) {
            const auto record = model_.state().records.find(pod);
            pod = record == model_.state().records.end() ? "" : record->second.parent;
        }
        return depth;
    }

    [[nodiscard]] std::string drawn() const {
        std::string text;
        for (const auto& [pod, row] : model_.state().live) {
            if (row.parent.empty()) {
                draw(pod, text);
            }
        }
        return text;
    }

    void draw(const std::string& pod, std::string& text) const {
        const auto& row = model_.state().live.at(pod);
        text += ' ' + pod + '/' + std::to_string(row.granted) + " by " +
                std::to_string(row.process) + (row.adopted ? "" : " (reserved)");
        std::string below;
        for (const auto& [child, other] : model_.state().live) {
            if (other.parent == pod) {
                draw(child, below);
            }
        }
        text += below.empty() ? "" : " {" + below + " }";
    }

    // Accidents.

    void accident(const actor& who) {
        const auto process = who.identity.pid;
        const auto text = std::to_string(process);
        switch (pick(10)) {
        case 0:
        case 1:
        case 2:
            // Its objects stay, as those of a process that is taken for dead and is not.
            note("kill " + text);
            world_.kill(who.identity);
            return model_.kill(process);
        case 3:
        case 4:
        case 5:
            note("hang " + text);
            world_.hang(who.identity);
            return model_.hang(process);
        case 6:
            note("hide " + text);
            world_.hide(who.identity);
            return model_.hide(process);
        case 7:
            note("wake " + text);
            world_.wake(who.identity);
            return model_.wake(process);
        case 8: return vanish(any_name());
        default: return abandon(process);
        }
    }

    void abandon(std::int64_t process) {
        const auto one = std::ranges::find(pods_, process, &held_pod::process);
        if (one != pods_.end()) {
            note("abandon " + one->pod.name() + '/' + number(one->pod));
            model_.abandon(one->pod.name(), epoch_of(one->pod));
            pods_.erase(one);
        }
    }

    [[nodiscard]] std::string any_name() {
        const auto& records = model_.state().records;
        return records.empty()
                   ? "nobody"
                   : std::next(records.begin(), static_cast<std::ptrdiff_t>(pick(records.size())))
                         ->first;
    }

    policy_of_model policy_{};
    std::vector<actor> everybody_{};
    std::vector<podscope::grant> grants_{};

private:
    static constexpr std::size_t deepest = 5;

    static const reference_universe& places() {
        // Two names that rules mention and one that none does; two levels below the deepest rule.
        static const reference_universe all{{"a", "b", "other"}, 4};
        return all;
    }

    std::uint64_t named_{0};
};

} // namespace podscope_test
