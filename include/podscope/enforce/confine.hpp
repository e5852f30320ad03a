// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/enforce/file_tree.hpp>
#include <podscope/enforce/landlock_plan.hpp>
#include <podscope/enforce/landlock_ruleset.hpp>
#include <podscope/enforce/policy.hpp>
#include <podscope/enforce/prepared_confinement.hpp>
#include <podscope/enforce/report.hpp>
#include <podscope/fwd.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/names_files.hpp>
#include <podscope/scope/scope.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <type_traits>
#include <utility>

/// The kernel confines a process to a scope, with all that it starts. docs/enforcement.md says what
/// that holds against and what not.
namespace podscope::enforce {

/// Makes a confinement to a scope whose targets are paths of files without links. Looks at the file
/// system: rights are given to what stands at the places now, whatever is renamed later.
///
/// Errors: `not_enforceable` for what the policy does not put up with, with the rule as the subject
/// and the place as the path, or with both ABIs in the sentence; `io` for what the system refuses;
/// `out_of_memory`.
template <confinement_policy Policy = narrowed, reads_policy Reads = reads_as_declared>
[[nodiscard]] result<prepared_confinement>
prepare_confinement(const scope& to, const confinement_options& options = {}) {
    return guarded([&]() -> result<prepared_confinement> {
        const int there = landlock::abi();
        const int code = there == 0 ? errno : ENOSYS;
        const int abi = std::min(there, options.newest_abi);
        if (Policy::needs_kernel && abi < enforce_detail::abi_that_holds) {
            return enforce_detail::kernel_lacks(Policy::name, abi, code);
        }
        auto plan = plan_for(to, file_tree{}, Policy::rounds, Reads::confined);
        if (!plan) {
            return fail(plan);
        }
        auto made = enforce_detail::prepare(*std::move(plan), abi, Reads::confined, options.around);
        if (made && !Policy::takes_gaps && !made->report().gaps.empty()) {
            return enforce_detail::cannot_be_said(Policy::name, made->report().gaps.front());
        }
        return made;
    });
}

/// The same for the scope that a pod has now. What it delegates or gets back later changes its
/// scope, and not the confinement.
///
/// Errors: also `revoked`, `forked`, those of the backend.
template <confinement_policy Policy = narrowed, reads_policy Reads = reads_as_declared, class Parts>
[[nodiscard]] result<prepared_confinement>
prepare_confinement(const basic_pod<Parts>& to, const confinement_options& options = {}) {
    static_assert(names_files<std::remove_cvref_t<decltype(std::declval<Parts&>().names)>>,
                  "podscope: only a pod whose targets are paths of files can be confined; see "
                  "names_files");
    auto now = to.current_scope();
    return now ? prepare_confinement<Policy, Reads>(*now, options)
               : result<prepared_confinement>{fail(now)};
}

/// Confines the calling process, a scope's or a pod's, for good. It must have no other threads,
/// which would go on as they were; under the policy `advisory` it may, and the report says so.
///
/// A runtime of the process goes on working only if it may write the folder of its store: name it
/// among the surroundings. That is right for a program that is trusted and may err; one that is
/// not should get no runtime (docs/enforcement.md).
///
/// Errors: those of `prepare_confinement`; `not_enforceable`, with `threads` as the subject, if
/// other threads run.
template <confinement_policy Policy = narrowed, reads_policy Reads = reads_as_declared, class To>
[[nodiscard]] result<confinement_report> confine_self(const To& to,
                                                      const confinement_options& options = {}) {
    return guarded([&]() -> result<confinement_report> {
        const bool others = enforce_detail::has_other_threads();
        if (others && Policy::needs_kernel) {
            return fail({.category = errc::not_enforceable,
                         .message = "this process has several threads, and Landlock confines only "
                                    "the one that asks: confine it before they are started",
                         .subject = "threads"});
        }
        auto made = prepare_confinement<Policy, Reads>(to, options);
        if (!made) {
            return fail(made);
        }
        if (const int code = made->restrict_self(); code != 0) {
            return fail({.category = errc::io,
                         .message = "the kernel does not confine this process",
                         .system = std::error_code{code, std::generic_category()}});
        }
        auto report = made->report();
        if (others && report.abi != 0) {
            report.limits.push_back(limit::other_threads);
        }
        return report;
    });
}

} // namespace podscope::enforce
