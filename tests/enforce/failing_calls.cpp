// SPDX-License-Identifier: BSL-1.0
// Each system call by which a process is confined fails once: it is confined as its report says, or
// it is told that it is not and may do what it could before.
#include "support/failing_calls.hpp"

#include "enforce/confined.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/enforce/confine.hpp>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/syscall.h>

using namespace podscope_test;
using namespace podscope::enforce;

namespace {

constexpr int is_sound = 0;
constexpr int is_unexplained = 1;
constexpr int is_half_confined = 2;
constexpr int is_open = 3;

template <class Policy>
int confine_and_try(const podscope::scope& to, const std::string& root) {
    mark_deed();
    const auto confined = confine_self<Policy>(to);
    mark_deed();
    const int mine = try_write(root + "/mine/file");
    const int theirs = try_write(root + "/theirs/file");
    if (!confined) {
        return confined.error().message.empty() ? is_unexplained
               : mine == 0 && theirs == 0       ? is_sound
                                                : is_half_confined;
    }
    // The policy `advisory` does what can be done, and says what that leaves.
    const bool is_watched = Policy::needs_kernel || confined->limits.empty();
    return theirs == EACCES || !is_watched ? is_sound : is_open;
}

} // namespace

TEMPLATE_TEST_CASE("F09 who is told that he is confined is, whatever call has failed",
                   "[enforce]",
                   narrowed,
                   exact,
                   advisory) {
    PODSCOPE_NEEDS_PTRACE();
    NEEDS_LANDLOCK();
    const temporary_folder root;
    for (const auto* part : {"/mine/folder", "/theirs"}) {
        std::filesystem::create_directories(root.path() + part);
    }
    std::ofstream{root / "mine/file"};
    std::ofstream{root / "theirs/file"};
    const auto to = scope_of({may_write(root / "mine"), may_read(root / "theirs")});
    const auto deed = [&] { return confine_and_try<TestType>(to, root.path()); };
    CHECK(fail_each_call(for_want, deed) > 10);
    (void)fail_each_call(by_signal, deed);
}

TEST_CASE("A kernel that lacks Landlock is told from one that fails", "[enforce]") {
    PODSCOPE_NEEDS_PTRACE();

    struct answer {
        int code;
        podscope::errc means;
    };

    const auto given = GENERATE(answer{ENOSYS, podscope::errc::not_enforceable},
                                answer{EOPNOTSUPP, podscope::errc::not_enforceable},
                                answer{EINVAL, podscope::errc::not_enforceable},
                                answer{EMFILE, podscope::errc::io});
    CAPTURE(given.code);
    const auto failed = fail_each_call(
        [&](std::uint64_t number, const std::uint64_t*) {
            return number == SYS_landlock_create_ruleset ? call_failure{given.code} : std::nullopt;
        },
        [&] {
            mark_deed();
            const auto made = landlock::ruleset::watching_over(landlock::make_dir);
            mark_deed();
            return made || made.error().category == given.means ? is_sound : is_unexplained;
        });
    CHECK(failed == 1);
}

TEST_CASE("F09 a folder that cannot be listed is no empty one", "[enforce]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder root;
    std::ofstream{root / "file"};
    const auto failed = fail_each_call(for_want, [&] {
        mark_deed();
        const auto found = file_tree::entries_of(root.path());
        mark_deed();
        const bool is_told =
            found ? found->size() == 1
                  : found.error().category == podscope::errc::io && !found.error().message.empty();
        return is_told ? is_sound : is_unexplained;
    });
    // It is opened, looked at and read.
    CHECK(failed >= 3);
}

TEST_CASE("What nobody could use anyway needs not be let be used", "[enforce]") {
    PODSCOPE_NEEDS_PTRACE();
    NEEDS_LANDLOCK();
    const temporary_folder root;
    for (const auto* part : {"/mine/folder", "/theirs"}) {
        std::filesystem::create_directories(root.path() + part);
    }
    std::ofstream{root / "mine/file"};
    const auto to = scope_of({may_write(root / "mine"), may_read(root / "theirs")});
    const int code = GENERATE(ENOTDIR, ELOOP, EACCES);
    CAPTURE(code);
    const auto is_outside = [&](std::uint64_t number, const std::uint64_t* arguments) {
        const bool is_named = number == SYS_openat && arguments[2] == (O_PATH | O_CLOEXEC);
        return is_named ? call_failure{code} : std::nullopt;
    };
    const auto failed =
        fail_each_call(is_outside, [&] { return confine_and_try<narrowed>(to, root.path()); });
    CHECK(failed > 0);
}

TEST_CASE("Threads are counted where the kernel may not be asked for them", "[enforce]") {
    PODSCOPE_NEEDS_PTRACE();
    const bool has_another = GENERATE(false, true);
    const auto failed = fail_each_call(
        [](std::uint64_t number, const std::uint64_t*) {
            return number == SYS_unshare ? call_failure{EPERM} : std::nullopt;
        },
        [&] {
            std::promise<void> over;
            std::thread another;
            if (has_another) {
                another = std::thread{[&] { over.get_future().wait(); }};
            }
            mark_deed();
            const bool are_there = enforce_detail::has_other_threads();
            mark_deed();
            over.set_value();
            if (has_another) {
                another.join();
            }
            return are_there == has_another ? is_sound : is_unexplained;
        });
    CHECK(failed >= 1);
}
