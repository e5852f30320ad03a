// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/scope/rule.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// What the demo and its processes say to each other.
namespace demo {

/// What a process can be told to do.
enum class verb : std::uint8_t {
    delegate,  ///< delegate to `child`, as the team's manifest has it: answers `granted_pod`
    write,     ///< try to write each of `files`: answers `attempts`
    recall,    ///< say what its scope in memory denies: answers `memory`
    reconcile, ///< reconcile once more: answers `changed`
    release,   ///< give its pod back: answers `changed`
    confine,   ///< have the kernel confine it to what its pod may do now: answers `changed`
    trespass,  ///< try to write each of `files` without asking its pod: answers `attempts`
};

struct order {
    verb what{};
    std::string child{};
    std::vector<std::string> files{};
};

/// The first thing that a process says: it holds its pod and answers.
struct ready {
    std::string pod{};
    podscope::epoch granted{};
    std::vector<podscope::notification> told{}; ///< what its sink had taken by then
};

struct granted_pod {
    std::string grant{}; ///< as podscope::grant::to_text has it
};

/// How it went with one file.
struct attempt {
    std::string file{};
    bool written{};
    /// Of the error that its scope answered, or `kernel`; empty if it was written.
    std::string category{};
    std::string sentence{};
};

struct attempts {
    std::vector<attempt> made{};
};

struct memory {
    std::vector<podscope::deny_layer> layers{};
};

struct changed {
    bool anything{};
};

} // namespace demo

BOOST_HANA_ADAPT_STRUCT(demo::order, what, child, files);
BOOST_HANA_ADAPT_STRUCT(demo::ready, pod, granted, told);
BOOST_HANA_ADAPT_STRUCT(demo::granted_pod, grant);
BOOST_HANA_ADAPT_STRUCT(demo::attempt, file, written, category, sentence);
BOOST_HANA_ADAPT_STRUCT(demo::attempts, made);
BOOST_HANA_ADAPT_STRUCT(demo::memory, layers);
BOOST_HANA_ADAPT_STRUCT(demo::changed, anything);
