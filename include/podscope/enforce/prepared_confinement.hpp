// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/enforce/file_tree.hpp>
#include <podscope/enforce/landlock_plan.hpp>
#include <podscope/enforce/landlock_ruleset.hpp>
#include <podscope/enforce/report.hpp>
#include <podscope/enforce/surroundings.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>

#include <cerrno>
#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace podscope::enforce {

struct confinement_options {
    surroundings around = surroundings::of_programs();
    /// Uses no more of the kernel's Landlock than a kernel with that ABI has: to try what an older
    /// one would do. 0 is a kernel without.
    int newest_abi = std::numeric_limits<int>::max();
};

/// A confinement that is made and not yet in force: to make it before a fork, and put it in force
/// in the child. Several threads and processes may use one at once.
class prepared_confinement {
public:
    prepared_confinement(std::optional<landlock::ruleset> rules, confinement_report report)
        : rules_{std::move(rules)},
          report_{std::move(report)} {}

    /// What it will do, and what it cannot.
    [[nodiscard]] const confinement_report& report() const noexcept { return report_; }

    /// Confines the calling thread for good, and all threads and processes that it starts from now
    /// on. Other threads go on as they were, and so does what is open already. A process that is
    /// confined can be confined further, and never less.
    ///
    /// 0, or the `errno` of what the kernel said. Async-signal-safe: between fork and exec it may
    /// be called, and allocates nothing. Does nothing where the report says `no_landlock`.
    [[nodiscard]] int restrict_self() const noexcept {
        return rules_ ? rules_->restrict_self() : 0;
    }

private:
    std::optional<landlock::ruleset> rules_;
    confinement_report report_;
};

namespace enforce_detail {

// Truncation by name is a way to write elsewhere, and the kernel could not watch over it before.
inline constexpr int abi_that_holds = landlock::abi_of_truncate;

[[nodiscard]] inline failure kernel_lacks(std::string_view policy, int abi, int code) {
    std::string text = "the policy '" + std::string{policy} + "' needs Landlock with ABI " +
                       std::to_string(abi_that_holds) + " (Linux 6.2), and ";
    text += abi == 0 ? "this kernel has none, or has it switched off"
                     : "this kernel's has ABI " + std::to_string(abi);
    error e{.category = errc::not_enforceable, .message = std::move(text), .subject = "landlock"};
    if (abi == 0) {
        e.system = std::error_code{code, std::generic_category()};
    }
    return fail(std::move(e));
}

[[nodiscard]] inline failure cannot_be_said(std::string_view policy, const gap& first) {
    return fail(
        {.category = errc::not_enforceable,
         .message = "the policy '" + std::string{policy} + "' does not do: " + to_string(first),
         .subject = file_tree::path_of(first.rule.target),
         .path = file_tree::path_of(first.place)});
}

[[nodiscard]] constexpr landlock::access_set rights_for(permission access) noexcept {
    return access == permission::write ? landlock::writing : landlock::reading;
}

/// Fills a ruleset.
class rule_writer {
public:
    rule_writer(landlock::ruleset& into, landlock::access_set watched)
        : into_{&into},
          watched_{watched} {}

    /// Whether the place was still what it had been planned as.
    [[nodiscard]] result<bool> add(const planned_rule& rule) {
        auto opened = file_tree{}.open(rule.place);
        if (!opened) {
            return fail(opened);
        }
        if (file_tree::kind_of(*opened) != rule.kind) {
            return false;
        }
        auto done = add(*opened, rights_for(rule.access), file_tree::path_of(rule.place));
        return done ? result<bool>{true} : fail(done);
    }

    [[nodiscard]] result<void> add(const surroundings& around) {
        for (const auto& path : around.read) {
            if (auto done = add_outside(path, landlock::reading); !done) {
                return done;
            }
        }
        for (const auto& path : around.write) {
            if (auto done = add_outside(path, landlock::reading | landlock::writing); !done) {
                return done;
            }
        }
        return {};
    }

private:
    [[nodiscard]] result<void> add_outside(const std::string& path, landlock::access_set rights) {
        const os_detail::file_descriptor opened{
            os_detail::uninterrupted([&] { return ::open(path.c_str(), O_PATH | O_CLOEXEC); })};
        if (opened) {
            return add(opened, rights, path);
        }
        const int code = errno;
        // Nobody who is confined would get there either.
        if (code == ENOENT || code == ENOTDIR || code == ELOOP || code == EACCES) {
            return {};
        }
        return fail({.category = errc::io,
                     .message = "cannot open " + path + " to let it be used",
                     .path = path,
                     .system = std::error_code{code, std::generic_category()}});
    }

    [[nodiscard]] result<void> add(const os_detail::file_descriptor& opened,
                                   landlock::access_set rights,
                                   const std::string& shown) {
        rights &= watched_;
        if (file_tree::kind_of(opened) != entry_kind::folder) {
            rights &= landlock::of_files;
        }
        return rights == 0 ? result<void>{} : into_->add(opened, rights, shown);
    }

    landlock::ruleset* into_;
    landlock::access_set watched_;
};

[[nodiscard]] inline std::vector<limit> limits_of(int abi, bool reads) {
    if (abi == 0) {
        return {limit::no_landlock};
    }
    std::vector<limit> found;
    if (abi < landlock::abi_of_refer) {
        found.push_back(limit::moves_refused);
    }
    if (abi < landlock::abi_of_truncate) {
        found.push_back(limit::truncation);
    }
    if (abi < landlock::abi_of_ioctl_dev) {
        found.push_back(limit::device_control);
    }
    found.push_back(limit::metadata);
    if (!reads) {
        found.push_back(limit::reads);
    }
    return found;
}

// The kernel lets a process that is its only thread give up what threads share, which changes
// nothing. A sandbox may refuse to be asked that, and then /proc shows them, if it is there.
[[nodiscard]] inline bool sees_other_threads() {
    if (::unshare(CLONE_THREAD) == 0) {
        return false;
    }
    if (errno == EINVAL) {
        return true;
    }
    const auto threads = file_tree::entries_of("/proc/" + std::to_string(::getpid()) + "/task");
    return threads && threads->size() > 1;
}

// One that was joined may be there for a moment yet: the kernel lets the joiner go on before it has
// done away with it.
[[nodiscard]] inline bool has_other_threads() {
    constexpr std::chrono::milliseconds moment{20};
    const auto until = std::chrono::steady_clock::now() + moment;
    while (sees_other_threads()) {
        if (std::chrono::steady_clock::now() >= until) {
            return true;
        }
        std::this_thread::yield();
    }
    return false;
}

[[nodiscard]] inline result<prepared_confinement>
prepare(landlock_plan plan, int abi, bool reads, const surroundings& around) {
    confinement_report report{.abi = abi, .limits = limits_of(abi, reads)};
    if (abi == 0) {
        return prepared_confinement{std::nullopt, std::move(report)};
    }
    const auto watched =
        landlock::rights_of(abi) & (landlock::all_writing | (reads ? landlock::reading : 0));
    auto rules = landlock::ruleset::watching_over(watched);
    if (!rules) {
        return fail(rules);
    }
    rule_writer writer{*rules, watched};
    for (const auto& one : plan.rules) {
        auto added = writer.add(one);
        if (!added) {
            return fail(added);
        }
        if (!*added) {
            const scope_rule lost{one.place, one.access, one.kind == entry_kind::folder};
            plan.gaps.push_back({shortfall::missing_target, lost, one.place, one.access, false});
        }
    }
    if (auto done = writer.add(around); !done) {
        return fail(done);
    }
    report.gaps = std::move(plan.gaps);
    return prepared_confinement{*std::move(rules), std::move(report)};
}

} // namespace enforce_detail

} // namespace podscope::enforce
