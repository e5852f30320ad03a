// SPDX-License-Identifier: BSL-1.0
// Operations of a runtime over a few names and places, and what the reference model says of them.
#pragma once

#include "regimes/linearisability.hpp"
#include "support/reference_model.hpp"

#include <podscope/error.hpp>
#include <podscope/scope/permission.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace regimes {

struct registry_operation {
    /// `lapse` is what the end of a lease does: an allocation goes, and nobody has committed that.
    enum class kind {
        create,
        delegate,
        adopt,
        reclaim,
        release,
        check,
        find,
        restore,
        reconcile,
        lapse,
    };

    interval when{};
    kind what{};
    std::size_t pod{};     ///< who it is about, or who does it
    std::uint64_t shown{}; ///< under which grant
    std::size_t child{};
    std::size_t place{};
    std::optional<podscope::errc> refused{};
    std::uint64_t granted{}; ///< what was got, or is there
};

inline constexpr std::array pod_names{"p0", "p1", "p2", "p3"};
inline constexpr std::array place_names{"/ws", "/ws/a", "/ws/a/b", "/ws/b"};

/// For a person who looks at a history that was refused.
[[nodiscard]] inline std::string to_text(const registry_operation& one) {
    static constexpr std::array names{"create", "delegate", "adopt",   "reclaim",   "release",
                                      "check",  "find",     "restore", "reconcile", "lapse"};
    return to_text(one.when) + names[static_cast<std::size_t>(one.what)] + ' ' +
           pod_names[one.pod] + '/' + std::to_string(one.shown) + " child " + pod_names[one.child] +
           " place " + place_names[one.place] + " gives " +
           (one.refused ? std::string{to_string(*one.refused)} : std::to_string(one.granted));
}

/// By the reference model, with nobody known to be dead: then an operation of a runtime is one
/// step, and so is one of the model. Who is found dead by a restore or a reconcile is so since his
/// allocation has gone.
class registry_model {
public:
    using state = podscope_test::reference_model;
    using operation = registry_operation;

    [[nodiscard]] state first() const { return state{places_}; }

    [[nodiscard]] std::optional<state> apply(const state& now, const operation& one) const {
        state next = now;
        const std::string pod = pod_names[one.pod];
        const std::string child = pod_names[one.child];
        podscope_test::model_answer answer;
        std::uint64_t granted = 0;
        using kind = operation::kind;
        switch (one.what) {
        case kind::create:
            answer = next.create(pod, manifest_at(one.place), 1);
            granted = next.last_epoch();
            break;
        case kind::delegate:
            answer = next.delegate(pod, one.shown, child, manifest_at(one.place), 1);
            granted = next.last_epoch();
            break;
        case kind::adopt:
            answer = next.adopt(pod, one.shown, 1);
            granted = one.shown;
            break;
        case kind::reclaim: answer = next.reclaim(pod, one.shown, child); break;
        case kind::release: answer = next.release(pod, one.shown); break;
        case kind::check:
            if (!next.holds(pod, one.shown)) {
                answer.refusals = {podscope::errc::revoked};
            } else if (!may_write(next, pod, one.place)) {
                answer.refusals = {podscope::errc::denied};
            }
            break;
        case kind::find:
            if (const auto row = next.state().live.find(pod); row != next.state().live.end()) {
                granted = row->second.granted;
            }
            break;
        case kind::restore:
            answer = next.restore(pod, 1);
            granted = next.last_epoch();
            break;
        case kind::reconcile: answer = next.reconcile(pod, one.shown); break;
        case kind::lapse: next.vanish(pod); break;
        }
        const bool is_new =
            one.what == kind::create || one.what == kind::adopt || one.what == kind::restore;
        if (is_new && answer.is_success()) {
            next.note_segment(pod, "its own");
        }
        if (one.when.is_complete()) {
            const bool fits = one.refused ? answer.refusals.contains(*one.refused)
                                          : answer.is_success() && granted == one.granted;
            if (!fits) {
                return std::nullopt;
            }
        }
        return next;
    }

    // What has ended and who was told has no part in any answer.
    [[nodiscard]] std::string key(const state& now) const {
        std::string text = std::to_string(now.last_epoch());
        for (const auto& [pod, row] : now.state().live) {
            text += " l" + pod + row.parent + '/' + std::to_string(row.granted) +
                    (row.adopted ? "+" : "-");
        }
        for (const auto& [pod, record] : now.state().records) {
            text += " r" + pod + record.parent + '/' + std::to_string(record.granted) +
                    (record.segment.empty() ? "-" : "+");
            for (const auto& rule : record.manifest.allow) {
                text += std::to_string(rule.target.size()) +
                        (rule.target.empty() ? "" : rule.target.back());
            }
        }
        auto delegations = now.state().delegations;
        std::ranges::sort(delegations, {}, [](const auto& one) { return one.granted; });
        for (const auto& made : delegations) {
            text += " d" + made.from + made.to + '/' + std::to_string(made.granted);
        }
        return text;
    }

private:
    [[nodiscard]] static podscope_test::reference_place place_of(std::size_t place) {
        podscope_test::reference_place found;
        for (const char c : std::string{place_names[place]}) {
            if (c == '/') {
                found.emplace_back();
            } else {
                found.back() += c;
            }
        }
        return found;
    }

    [[nodiscard]] static podscope_test::model_manifest manifest_at(std::size_t place) {
        using podscope::permission;
        const std::vector<podscope_test::reference_rule> rules{
            {place_of(place), permission::read, true}, {place_of(place), permission::write, true}};
        return {.allow = rules, .authority = rules};
    }

    [[nodiscard]] bool
    may_write(const state& now, const std::string& pod, std::size_t place) const {
        const auto may = now.effective_write(pod);
        const auto& all = places_.places();
        const auto found = std::ranges::find(all, place_of(place));
        return may[static_cast<std::size_t>(found - all.begin())];
    }

    podscope_test::reference_universe places_{{"ws", "a", "b"}, 5};
};

} // namespace regimes
