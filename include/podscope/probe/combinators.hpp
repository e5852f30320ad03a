// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>

#include <concepts>
#include <cstddef>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope {
namespace probe_detail {

/// Where a verdict stands in an order, later being stronger; unknown is always the weakest.
[[nodiscard]] constexpr int
place(verdict v, verdict second, verdict third, verdict strongest) noexcept {
    return v == strongest ? 3 : v == third ? 2 : v == second ? 1 : 0;
}

struct all_of_rule {
    [[nodiscard]] static constexpr verdict combine(verdict a, verdict b) noexcept {
        const auto strength = [](verdict v) {
            return place(v, verdict::reachable, verdict::unreachable, verdict::missing);
        };
        return strength(b) > strength(a) ? b : a;
    }

    [[nodiscard]] static constexpr bool is_final(verdict v) noexcept {
        return v == verdict::missing;
    }
};

struct any_of_rule {
    [[nodiscard]] static constexpr verdict combine(verdict a, verdict b) noexcept {
        const auto strength = [](verdict v) {
            return place(v, verdict::missing, verdict::unreachable, verdict::reachable);
        };
        return strength(b) > strength(a) ? b : a;
    }

    [[nodiscard]] static constexpr bool is_final(verdict v) noexcept {
        return v == verdict::reachable;
    }
};

struct first_rule {
    // A later probe is asked about those only of whom none before it knew anything.
    [[nodiscard]] static constexpr verdict combine(verdict, verdict b) noexcept { return b; }

    [[nodiscard]] static constexpr bool is_final(verdict v) noexcept {
        return v != verdict::unknown;
    }
};

} // namespace probe_detail

/// Asks several probes one after the other, and makes one verdict of theirs by a rule: see
/// `all_of`, `any_of` and `first_that_knows`, which make it.
///
/// Each probe is asked only about the subjects whose verdict it could still change, and all of them
/// under the same deadline. One that waits may leave no time to those after it, which must then say
/// no more than they can tell without waiting; so name those first that do not wait.
///
/// Copies the subjects that a later probe is asked about, if they are not all of them. As safe
/// between threads as the probes are; `probe` is const if all of theirs are.
template <class Rule, class... Probes>
    requires(sizeof...(Probes) > 0) && (reachability_probe<Probes> && ...)
class combined_probe {
public:
    combined_probe()
        requires(std::default_initializable<Probes> && ...)
    = default;

    explicit combined_probe(Probes... probes) : probes_{std::move(probes)...} {}

    void
    probe(std::span<const probe_subject> subjects, deadline until, std::span<verdict> verdicts) {
        ask_all(probes_, subjects, until, verdicts);
    }

    void probe(std::span<const probe_subject> subjects,
               deadline until,
               std::span<verdict> verdicts) const
        requires(reachability_probe<const Probes> && ...)
    {
        ask_all(probes_, subjects, until, verdicts);
    }

private:
    template <class Tuple>
    static void ask_all(Tuple& probes,
                        std::span<const probe_subject> subjects,
                        deadline until,
                        std::span<verdict> verdicts) {
        std::vector<std::size_t> open(subjects.size());
        std::iota(open.begin(), open.end(), std::size_t{0});
        std::apply([&](auto&... each) { (ask(each, subjects, until, verdicts, open), ...); },
                   probes);
    }

    /// Asks one probe about the subjects with those indices, and drops from them who is decided.
    template <class Probe>
    static void ask(Probe& probe,
                    std::span<const probe_subject> subjects,
                    deadline until,
                    std::span<verdict> verdicts,
                    std::vector<std::size_t>& open) {
        if (open.empty()) {
            return;
        }
        std::vector<probe_subject> some;
        std::span<const probe_subject> asked = subjects;
        if (open.size() < subjects.size()) {
            some.reserve(open.size());
            for (const auto i : open) {
                some.push_back(subjects[i]);
            }
            asked = some;
        }
        std::vector<verdict> heard(open.size(), verdict::unknown);
        probe.probe(asked, until, std::span{heard});
        for (std::size_t n = 0; n < open.size(); ++n) {
            verdict& merged = verdicts[open[n]];
            merged = Rule::combine(merged, heard[n]);
        }
        std::erase_if(open, [&](std::size_t i) { return Rule::is_final(verdicts[i]); });
    }

    std::tuple<Probes...> probes_;
};

template <class... Probes>
using all_of_probe = combined_probe<probe_detail::all_of_rule, Probes...>;

template <class... Probes>
using any_of_probe = combined_probe<probe_detail::any_of_rule, Probes...>;

template <class... Probes>
using first_that_knows_probe = combined_probe<probe_detail::first_rule, Probes...>;

/// Reachable means that nobody objects: for probes that each see one way to be gone.
///
/// `missing` if any probe says so; else `unreachable` if any says so; else `reachable` if any says
/// so; `unknown` only if all of them are. Who does not know abstains. Later probes are not asked
/// about subjects that are `missing` already.
///
/// `all_of(process_probe{}, lease_probe{leases})`: missing once the process has died, unreachable
/// if it lives and has not renewed its lease, and reachable if it never took one.
template <reachability_probe... Probes>
[[nodiscard]] all_of_probe<Probes...> all_of(Probes... probes) {
    return all_of_probe<Probes...>{std::move(probes)...};
}

/// Reachable one way is reachable: for probes that each see one way to answer.
///
/// `reachable` if any probe says so; else `unreachable` if any says so; `missing` if some say so
/// and all others do not know; `unknown` only if all of them are. Later probes are not asked about
/// subjects that are `reachable` already.
template <reachability_probe... Probes>
[[nodiscard]] any_of_probe<Probes...> any_of(Probes... probes) {
    return any_of_probe<Probes...>{std::move(probes)...};
}

/// The verdict of the first probe that knows: for probes that each know some of the subjects. Later
/// probes are asked about those only whom no earlier one knew; `unknown` if none does.
///
/// `first_that_knows(process_probe{}, lease_probe{leases})`: the kernel about those whose process
/// it shows, and their leases about the others, as in other containers of the machine. Of the
/// former none is found to hang.
template <reachability_probe... Probes>
[[nodiscard]] first_that_knows_probe<Probes...> first_that_knows(Probes... probes) {
    return first_that_knows_probe<Probes...>{std::move(probes)...};
}

} // namespace podscope
