// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "company.hpp"
#include "messages.hpp"
#include "outcome.hpp"
#include "process.hpp"
#include "roles.hpp"
#include "wording.hpp"
#include "workspace.hpp"

#include <podscope/result.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace demo {

/// The file that a process tries to write in a region; it tries under another name each time.
[[nodiscard]] inline std::string file_of(const workspace& place,
                                         const std::string& region,
                                         const std::string& when,
                                         const std::string& label) {
    return place.path_of(region) + "/" + when + "-by-" + label;
}

/// Lets every process that lives try to write in each region.
///
/// @param expected who should be the only one that can
[[nodiscard]] inline podscope::result<std::vector<trial>>
try_everywhere(company& everybody,
               const workspace& place,
               const std::string& when,
               std::string_view expectation::* expected) {
    std::vector<trial> trials;
    trials.reserve(expectations.size());
    for (const auto& one : expectations) {
        trials.push_back({.region = std::string{one.region},
                          .expected = std::string{one.*expected},
                          .because = std::string{one.because}});
    }
    for (auto& whom : everybody.everybody()) {
        if (whom.look() == liveness::dead) {
            continue;
        }
        order all{.what = verb::write};
        for (const auto& one : trials) {
            all.files.push_back(file_of(place, one.region, when, whom.label()));
        }
        auto answer = everybody.ask<attempts>(whom, all);
        if (!answer) {
            return podscope::fail(answer);
        }
        for (std::size_t i = 0; i < trials.size() && i < answer->made.size(); ++i) {
            trials[i].by.emplace_back(whom.label(), std::move(answer->made[i]));
        }
    }
    return trials;
}

/// Where somebody could write who should not, or could not who should: by what the processes say,
/// and by the files that are there.
[[nodiscard]] inline std::vector<std::string>
violations_in(const std::vector<trial>& trials, const workspace& place, const std::string& when) {
    std::vector<std::string> found;
    for (const auto& one : trials) {
        bool expected_tried = false;
        for (const auto& [label, how] : one.by) {
            const bool should = label == one.expected;
            expected_tried = expected_tried || should;
            if (how.written && !should) {
                found.push_back(together(when, ": ", label, " wrote in ", one.region));
            } else if (!how.written && should) {
                found.push_back(together(when, ": ", label, " could not write in ", one.region,
                                         ": ", place.shown(how.sentence)));
            }
            std::error_code ignored;
            if (std::filesystem::exists(file_of(place, one.region, when, label), ignored) !=
                how.written) {
                found.push_back(together(when, ": ", label, " says something else about ",
                                         one.region, " than the file system"));
            }
        }
        if (!expected_tried) {
            found.push_back(when + ": " + one.expected + " is not there to write in " + one.region);
        }
    }
    return found;
}

/// Lets every child that lives try to write in each region by plain system calls. What it was given
/// when it was confined it may write still, handed on or lost: nobody told the kernel.
///
/// @return what the kernel let through that it should not, and the other way about
[[nodiscard]] inline podscope::result<std::vector<std::string>>
trespass_everywhere(company& everybody, const workspace& place, const std::string& when) {
    std::vector<std::string> found;
    for (auto& whom : everybody.everybody()) {
        if (whom.pod() == root_pod || whom.look() == liveness::dead) {
            continue;
        }
        auto part = place.team_of(whom.pod());
        if (!part) {
            return podscope::fail(part);
        }
        order all{.what = verb::trespass};
        for (const auto& region : place.regions()) {
            all.files.push_back(file_of(place, region, when + "-unasked", whom.label()));
        }
        auto answer = everybody.ask<attempts>(whom, all);
        if (!answer) {
            return podscope::fail(answer);
        }
        for (const auto& how : answer->made) {
            const bool given = std::ranges::any_of(part->pod.allow, [&](const auto& rule) {
                return rule.access == podscope::permission::write &&
                       how.file.starts_with(rule.target + "/");
            });
            std::error_code ignored;
            const bool is_there = std::filesystem::exists(how.file, ignored);
            if (is_there != given || how.category != (given ? "" : "kernel")) {
                found.push_back(together(when, ": ", whom.label(), " at ",
                                         place.region_of(how.file), ": ", how.sentence));
            }
        }
    }
    return found;
}

} // namespace demo
