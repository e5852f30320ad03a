// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace podscope {

/// Asks a function about one subject after the other: `verdict ask(const probe_subject&,
/// deadline)`.
///
/// For what is known without waiting. The deadline is for all subjects together, so that a function
/// that waits leaves nothing of it to those that come later; it must say `unknown` when the time is
/// up and it cannot tell. The function must bear calls from several threads at once.
template <class F>
    requires std::is_invocable_r_v<verdict, F&, const probe_subject&, deadline>
class callback_probe {
public:
    explicit callback_probe(F ask) : ask_{std::move(ask)} {}

    void
    probe(std::span<const probe_subject> subjects, deadline until, std::span<verdict> verdicts) {
        ask_each(ask_, subjects, until, verdicts);
    }

    void probe(std::span<const probe_subject> subjects,
               deadline until,
               std::span<verdict> verdicts) const
        requires std::is_invocable_r_v<verdict, const F&, const probe_subject&, deadline>
    {
        ask_each(ask_, subjects, until, verdicts);
    }

private:
    template <class G>
    static void ask_each(G& ask,
                         std::span<const probe_subject> subjects,
                         deadline until,
                         std::span<verdict> verdicts) {
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            verdicts[i] = ask(subjects[i], until);
        }
    }

    F ask_;
};

} // namespace podscope
