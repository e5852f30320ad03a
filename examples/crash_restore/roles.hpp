// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/notification.hpp>

#include <array>
#include <string_view>

/// Who is who in the story, and how it has to end. None of it is read from what the library stores:
/// that is checked against this.
namespace demo {

inline constexpr std::string_view root_pod = "planner";

/// What happens to a child of the planner before the planner dies.
enum class fate { healthy, killed, stopped, row_removed };

struct part {
    std::string_view pod;
    fate meets;
};

inline constexpr std::array parts{
    part{"artist", fate::row_removed}, part{"builder", fate::stopped}, part{"coder", fate::killed},
    part{"scribe", fate::healthy},     part{"tester", fate::killed},
};

/// The child of the coder, which survives it.
inline constexpr std::string_view orphan = "helper";
inline constexpr std::string_view parent_of_orphan = "coder";

/// The pod that gets a new process after the restore, while its old one still runs.
inline constexpr std::string_view started_anew = "artist";

/// The processes that live on after their grant has ended.
inline constexpr std::array<std::string_view, 2> fenced{"artist#1", "builder#1"};

/// Why a delegation to a child with that fate has to end, if it has to.
struct ending {
    bool ends;
    podscope::end_reason reason;
};

[[nodiscard]] constexpr ending ending_of(fate met) noexcept {
    switch (met) {
    case fate::healthy: break;
    case fate::killed: return {true, podscope::end_reason::missing};
    case fate::stopped: return {true, podscope::end_reason::unreachable};
    case fate::row_removed: return {true, podscope::end_reason::absent};
    }
    return {false, {}};
}

/// Which process has to be the only one that may write in a region: while all is well, and at the
/// end of the story. A process is named by its pod and the number of the pod's processes until
/// then.
struct expectation {
    std::string_view region;
    std::string_view at_first;
    std::string_view at_last;
    std::string_view because;
};

inline constexpr std::array expectations{
    expectation{"assets", "artist#1", "artist#2", "it came back, and was handed on again"},
    expectation{"build", "builder#1", "planner#2",
                "it came back from builder, which did not answer"},
    expectation{"docs", "scribe#1", "scribe#1", "nothing has happened to scribe"},
    expectation{"plan", "planner#1", "planner#2", "it is the planner's own"},
    expectation{"src", "coder#1", "planner#2", "it came back from coder, which is dead"},
    expectation{"src/parser", "helper#1", "helper#1", "helper lives, and only changed its parent"},
    expectation{"tests", "tester#1", "planner#2", "it came back from tester, which is dead"},
};

} // namespace demo
