// SPDX-License-Identifier: BSL-1.0
// Judges what a process has left that was killed.
#pragma once

#include "regimes/crash_board.hpp"
#include "regimes/crash_company.hpp"
#include "support/invariants.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/session/concept.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace regimes {

struct crash_verdict {
    std::vector<std::string> wrong{}; ///< each as a sentence
    bool is_changed{};                ///< whether it is any other state than the one before
};

template <class Store>
class crash_judge {
public:
    using company = crash_company<Store>;

    /// @param states before the operation and after each of its changes
    explicit crash_judge(std::vector<std::string> states) : states_{std::move(states)} {}

    /// Opens what was left, and goes on with it.
    [[nodiscard]] crash_verdict look_at(const std::string& folder, crash_board& board) const {
        crash_verdict found;
        company next{folder, board};
        const auto text = next.state();
        // The last one that is the same: a change may be none that is seen.
        const auto last = std::ranges::find(states_.rbegin(), states_.rend(), text);
        const auto level = static_cast<std::uint64_t>(states_.rend() - last);
        if (level == 0) {
            found.wrong.push_back("there is a state that never was:\n" + text);
        } else if (level - 1 < board.reported()) {
            found.wrong.push_back("change " + std::to_string(board.reported()) +
                                  " was reported as done, and is lost");
        }
        found.is_changed = level != 1;
        inspect(next, board, "as it was left", found);
        go_on(next, board, found);
        return found;
    }

private:
    void
    inspect(company& by, const crash_board& board, const char* when, crash_verdict& found) const {
        const podscope_test::stored_state state{by.backend()};
        for (const auto& one : podscope_test::broken_invariants(state, places_, {}, board.told())) {
            found.wrong.push_back(one + " (" + when + ')');
        }
        if constexpr (requires { by.backend().bytes().check_integrity(); }) {
            podscope_test::must(by.backend().bytes().check_integrity());
        }
    }

    // Restores all roots and makes a new one.
    void go_on(company& next, const crash_board& board, crash_verdict& found) const {
        namespace tables = podscope::tables;
        const podscope_test::stored_state left{next.backend()};
        std::vector<std::string> back;
        for (const auto& [pod, record] : left.of<tables::pods>()) {
            if (!record.delegated_from.empty()) {
                continue;
            }
            if (next.restore_if_free(pod)) {
                write_on(next.at(pod), found);
                back.push_back(pod);
            } else if (left.of<tables::allocations>().contains(pod)) {
                found.wrong.push_back(pod + " was live, and somebody else has its place");
            }
        }
        next.create(writer_at("after", "/c"));
        inspect(next, board, "after a restore", found);
        const podscope_test::stored_state state{next.backend()};
        podscope_test::inspection at_rest{state, places_};
        for (const auto& pod : back) {
            at_rest.all_children_live(pod);
        }
        found.wrong.insert(found.wrong.end(), at_rest.broken().begin(), at_rest.broken().end());
        if (!state.of<tables::outbox>().empty()) {
            found.wrong.emplace_back("notifications wait that could be delivered (I5)");
        }
    }

    static void write_on(typename company::pod& by, crash_verdict& found) {
        const std::string body = "it goes on";
        const auto index = podscope_test::must(by.append({.kind = "note", .body = body}));
        bool is_there = false;
        podscope_test::must(by.replay(index, [&](std::uint64_t at, const auto& entry) {
            is_there = at == index && entry.body == body;
            return podscope::scan::stop;
        }));
        if (!is_there) {
            found.wrong.push_back("what " + by.name() + " has appended since is lost");
        }
    }

    std::vector<std::string> states_;
    const podscope_test::reference_universe places_{{"ws", "a", "b", "c", "other"}, 5};
};

} // namespace regimes
