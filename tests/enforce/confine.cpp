// SPDX-License-Identifier: BSL-1.0
#include "enforce/confined.hpp"
#include "session/telling_child.hpp"
#include "support/effort.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/enforce/confine.hpp>
#include <podscope/podscope.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

using namespace podscope_test;
using namespace podscope::enforce;
using podscope::errc;
using podscope::permission;

namespace {

void put(const std::string& path) {
    std::ofstream{path} << "here\n";
}

std::string content(const std::string& path) {
    std::string text;
    std::getline(std::ifstream{path}, text);
    return text;
}

// mine and theirs, each with a file and a folder, in which is a file.
struct workspace {
    workspace() {
        for (const auto* part : {"mine", "theirs"}) {
            std::filesystem::create_directories(root / part + "/folder");
            put(root / part + "/file");
            put(root / part + "/folder/file");
        }
    }

    [[nodiscard]] std::string mine(const std::string& name = "") const {
        return root / ("mine" + (name.empty() ? "" : "/" + name));
    }

    [[nodiscard]] std::string theirs(const std::string& name = "") const {
        return root / ("theirs" + (name.empty() ? "" : "/" + name));
    }

    temporary_folder root{};
};

int try_rename(const std::string& from, const std::string& to) {
    return code_of(::rename(from.c_str(), to.c_str()));
}

int try_link(const std::string& from, const std::string& to) {
    return code_of(::link(from.c_str(), to.c_str()));
}

int try_symlink(const std::string& to, const std::string& at) {
    return code_of(::symlink(to.c_str(), at.c_str()));
}

int try_bind(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int code = code_of(
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    ::close(fd);
    return code;
}

// Runs a command by the shell; its exit code.
int run_shell(const std::string& command) {
    const auto pid = ::fork();
    if (pid == 0) {
        ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        ::_exit(126);
    }
    int status{};
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::vector<int> all(int code, std::size_t times) {
    return std::vector<int>(times, code);
}

prepared_confinement walls_of(const podscope::scope& scope) {
    return must(prepare_confinement(scope));
}

} // namespace

TEST_CASE("F37 the kernel refuses every way to write outside of the scope", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    put(ws.mine("second"));
    const int before = ::open(ws.theirs().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int file_before = ::open(ws.theirs("file").c_str(), O_PATH | O_CLOEXEC);
    const auto walls = must(prepare_confinement<exact>(scope_of({may_write(ws.mine())})));
    CHECK(walls.report().gaps.empty());
    CHECK_FALSE(walls.report().is_advisory());

    const std::vector<deed> refused{
        [&] { return try_open(ws.theirs("file"), O_WRONLY); },
        [&] { return try_open(ws.theirs("file"), O_RDWR); },
        [&] { return try_open(ws.theirs("file"), O_WRONLY | O_APPEND); },
        [&] { return try_open(ws.theirs("file"), O_WRONLY | O_TRUNC); },
        [&] { return try_write(ws.theirs("new")); },
        [&] { return try_write(ws.mine("../theirs/file")); },
        [&] { return try_write(ws.mine("folder/../../theirs/new")); },
        [&] { return try_open(ws.theirs(), O_TMPFILE | O_RDWR); },
        [&] { return code_of(::truncate(ws.theirs("file").c_str(), 0)); },
        [&] { return code_of(::unlink(ws.theirs("file").c_str())); },
        [&] { return code_of(::rmdir(ws.theirs("folder").c_str())); },
        [&] { return try_make_folder(ws.theirs("made")); },
        [&] { return code_of(::mkfifo(ws.theirs("fifo").c_str(), 0600)); },
        [&] { return try_symlink("file", ws.theirs("link")); },
        [&] { return try_bind(ws.theirs("socket")); },
        [&] { return try_rename(ws.theirs("file"), ws.theirs("other")); },
        [&] { return try_rename(ws.theirs("folder"), ws.theirs("other")); },
        // By descriptors that were open before and lead nowhere but to names.
        [&] { return code_of(::openat(before, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); },
        [&] { return code_of(::unlinkat(before, "file", 0)); },
        [&] { return try_open("/proc/self/fd/" + std::to_string(file_before), O_WRONLY); },
        // By links.
        [&] {
            (void)try_symlink(ws.theirs(), ws.mine("out"));
            return try_write(ws.mine("out/new"));
        },
        [&] {
            (void)try_symlink("../theirs/file", ws.mine("out-file"));
            return try_open(ws.mine("out-file"), O_WRONLY);
        },
        // Whole folders of root's own making: a disk written through a device would be everywhere.
        [&] { return code_of(::mknod(ws.mine("disk").c_str(), S_IFBLK | 0600, makedev(7, 0))); },
        [&] { return code_of(::mknod(ws.mine("mem").c_str(), S_IFCHR | 0600, makedev(1, 3))); },
        // And outside of everything that was named.
        [&] { return try_write(ws.root / "new"); },
        [&] { return try_write("/etc/passwd"); },
        [&] { return try_write("/dev/shm/podscope-escape"); },
    };
    CHECK(codes_within(walls, refused) == all(EACCES, refused.size()));

    const std::vector<deed> over_the_wall{
        [&] { return try_rename(ws.mine("second"), ws.theirs("second")); },
        [&] { return try_rename(ws.theirs("file"), ws.mine("stolen")); },
        [&] { return try_rename(ws.mine("folder"), ws.theirs("made")); },
        [&] { return try_rename(ws.theirs("folder"), ws.mine("stolen")); },
        [&] {
            return code_of(::syscall(SYS_renameat2, AT_FDCWD, ws.mine("file").c_str(), AT_FDCWD,
                                     ws.theirs("file").c_str(), 2U /* RENAME_EXCHANGE */));
        },
        // A hard link would make a file of theirs one of mine.
        [&] { return try_link(ws.theirs("file"), ws.mine("stolen")); },
        [&] { return try_link(ws.mine("file"), ws.theirs("given")); },
        [&] {
            return code_of(::linkat(AT_FDCWD,
                                    ("/proc/self/fd/" + std::to_string(file_before)).c_str(),
                                    AT_FDCWD, ws.mine("stolen").c_str(), AT_SYMLINK_FOLLOW));
        },
    };
    const auto codes = codes_within(walls, over_the_wall);
    CHECK(std::ranges::all_of(codes, [](int code) { return code == EACCES || code == EXDEV; }));
    ::close(before);
    ::close(file_before);

    CHECK(content(ws.theirs("file")) == "here");
    CHECK(content(ws.theirs("folder/file")) == "here");
    CHECK(std::distance(std::filesystem::directory_iterator{ws.theirs()}, {}) == 2);
    CHECK_FALSE(std::filesystem::exists(ws.mine("stolen")));
    CHECK_FALSE(std::filesystem::exists(ws.root / "new"));
}

TEST_CASE("Inside of its scope a confined process does what it could before", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const auto walls = walls_of(scope_of({may_write(ws.mine())}));
    const std::vector<deed> allowed{
        [&] { return try_write(ws.mine("new")); },
        [&] { return try_open(ws.mine("file"), O_RDWR | O_TRUNC); },
        [&] { return code_of(::truncate(ws.mine("file").c_str(), 3)); },
        [&] { return try_make_folder(ws.mine("made")); },
        [&] { return try_rename(ws.mine("new"), ws.mine("made/moved")); },
        [&] { return try_rename(ws.mine("folder"), ws.mine("made/folder")); },
        [&] { return try_link(ws.mine("made/moved"), ws.mine("linked")); },
        [&] { return try_symlink("linked", ws.mine("symbolic")); },
        [&] { return try_write(ws.mine("symbolic")); },
        [&] { return code_of(::mkfifo(ws.mine("fifo").c_str(), 0600)); },
        [&] { return try_bind(ws.mine("socket")); },
        [&] { return code_of(::unlink(ws.mine("made/moved").c_str())); },
        [&] { return code_of(::unlink(ws.mine("made/folder/file").c_str())); },
        [&] { return code_of(::rmdir(ws.mine("made/folder").c_str())); },
        [&] { return try_open("/dev/null", O_RDWR); },
    };
    CHECK(codes_within(walls, allowed) == all(0, allowed.size()));
}

TEST_CASE("Reads are as declared, or free, as the policy says", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const auto scope = scope_of({may_write(ws.mine()), may_read(ws.theirs("folder"))},
                                {rule_at(ws.mine("folder"), permission::read)});
    const auto list = [](const std::string& path) {
        return try_open(path, O_RDONLY | O_DIRECTORY);
    };
    const std::vector<deed> reads{
        [&] { return try_read(ws.mine("file")); },
        [&] { return try_read(ws.theirs("folder/file")); },
        [&] { return list(ws.theirs("folder")); },
        [&] { return try_read("/usr/bin/env"); },
        [&] { return try_read(ws.theirs("file")); },
        [&] { return list(ws.theirs()); },
        [&] { return try_read(ws.mine("folder/file")); },
        [&] { return try_open(ws.theirs("folder/file"), O_WRONLY); },
        [&] { return try_open(ws.mine("folder/file"), O_WRONLY); },
    };
    CHECK(codes_within(walls_of(scope), reads) ==
          std::vector{0, 0, 0, 0, EACCES, EACCES, EACCES, EACCES, EACCES});
    const auto free = must(prepare_confinement<narrowed, reads_free>(scope));
    CHECK(free.report().has(limit::reads));
    CHECK(codes_within(free, reads) == std::vector{0, 0, 0, 0, 0, 0, 0, EACCES, EACCES});
}

TEST_CASE("A command that the shell runs is confined, and what it starts", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const auto walls = walls_of(scope_of({may_write(ws.mine())}));
    const std::vector<deed> commands{
        [&] { return run_shell("echo changed > " + ws.mine("file") + " 2>/dev/null"); },
        [&] { return run_shell("ls " + ws.mine() + " > " + ws.mine("listed")); },
        [&] {
            return run_shell("sh -c 'sh -c \"echo x > " + ws.theirs("file") + "\"' 2>/dev/null") ==
                   0;
        },
        [&] { return run_shell("rm -rf " + ws.theirs() + " 2>/dev/null") == 0; },
        [&] {
            return run_shell("mv " + ws.theirs("file") + " " + ws.mine("stolen") +
                             " 2>/dev/null") == 0;
        },
    };
    CHECK(codes_within(walls, commands) == all(0, commands.size()));
    CHECK(content(ws.mine("file")) == "changed");
    CHECK(content(ws.mine("listed")) == "file");
    CHECK(content(ws.theirs("file")) == "here");
    CHECK_FALSE(std::filesystem::exists(ws.mine("stolen")));

    // Without what programs need, there is none.
    const auto bare = must(prepare_confinement(scope_of({may_write(ws.mine())}), {.around = {}}));
    CHECK(codes_within(bare, {[&] { return run_shell("true"); }}) == std::vector{126});
}

TEST_CASE("What is denied below an allow is refused, left out or advice", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    std::filesystem::create_directories(ws.mine("src/denied"));
    std::filesystem::create_directories(ws.mine("src/free"));
    put(ws.mine("src/denied/file"));
    put(ws.mine("src/file"));
    const auto scope = scope_of({may_write(ws.mine())}, {may_write(ws.mine("src/denied"))});
    const std::vector<deed> deeds{
        // What stands beside it.
        [&] { return try_write(ws.mine("file")); },
        [&] { return try_write(ws.mine("folder/new")); },
        [&] { return try_write(ws.mine("src/file")); },
        [&] { return try_write(ws.mine("src/free/new")); },
        [&] { return try_rename(ws.mine("src/free/new"), ws.mine("folder/moved")); },
        // What is denied, and reading it.
        [&] { return try_write(ws.mine("src/denied/file")); },
        [&] { return try_write(ws.mine("src/denied/new")); },
        [&] { return code_of(::truncate(ws.mine("src/denied/file").c_str(), 0)); },
        [&] { return try_read(ws.mine("src/denied/file")); },
        // New things on the way there; and the way itself, on which it could be led elsewhere.
        [&] { return try_write(ws.mine("src/new")); },
        [&] { return try_write(ws.mine("new")); },
        [&] { return try_rename(ws.mine("src/denied"), ws.mine("folder/denied")); },
        [&] { return try_rename(ws.mine("src"), ws.mine("moved")); },
    };
    const auto narrow = walls_of(scope);
    CHECK_FALSE(narrow.report().is_advisory());
    REQUIRE(narrow.report().gaps.size() == 2);
    CHECK(narrow.report().gaps[1].why == shortfall::denied_below);
    CHECK(narrow.report().gaps[1].rule == may_write(ws.mine("src/denied")));
    CHECK(narrow.report().gaps[1].place == may_write(ws.mine("src")).target);
    auto codes = codes_within(narrow, deeds);
    // A move to where the mover has fewer rights is EXDEV, as if it were another file system.
    std::ranges::replace(codes, EXDEV, EACCES);
    CHECK(codes ==
          std::vector{0, 0, 0, 0, 0, EACCES, EACCES, EACCES, 0, EACCES, EACCES, EACCES, EACCES});

    const auto refused = error_of(prepare_confinement<exact>(scope));
    CHECK(refused.category == errc::not_enforceable);
    CHECK(refused.subject == ws.mine("src/denied"));
    CHECK(refused.message.find("write " + ws.mine("src/denied")) != std::string::npos);

    const auto advice = must(prepare_confinement<advisory>(scope));
    CHECK(advice.report().is_advisory());
    REQUIRE(advice.report().gaps.size() == 1);
    CHECK(advice.report().gaps[0].place == may_write(ws.mine("src/denied")).target);
    CHECK(codes_within(advice, {deeds[0], deeds[5], deeds[9], [&] {
                                    return try_write(ws.theirs("file"));
                                }}) == std::vector{0, 0, 0, EACCES});
}

TEST_CASE("A rule for one folder holds at the files that are in it, or is advice", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const auto scope = scope_of({rule_at(ws.mine(), permission::write, false)});
    const std::vector<deed> deeds{[&] { return try_write(ws.mine("file")); },
                                  [&] { return try_write(ws.mine("new")); },
                                  [&] { return try_write(ws.mine("folder/file")); }};
    CHECK(codes_within(walls_of(scope), deeds) == std::vector{0, EACCES, EACCES});
    CHECK(why_not(prepare_confinement<exact>(scope)) == errc::not_enforceable);
    const auto advice = must(prepare_confinement<advisory>(scope));
    CHECK(advice.report().is_advisory());
    CHECK(codes_within(advice, deeds) == std::vector{0, 0, 0});
}

TEST_CASE("A target that is not there yet, or is a link, is refused or reported", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    std::filesystem::create_directory_symlink(ws.theirs(), ws.mine("link"));
    for (const auto& path : {ws.mine("later"), ws.mine("link"), ws.mine("link/folder")}) {
        const auto scope = scope_of({may_write(path)});
        CHECK(error_of(prepare_confinement<exact>(scope)).subject == path);
        const auto walls = walls_of(scope);
        REQUIRE(walls.report().gaps.size() == 2);
        CHECK(walls.report().gaps[0].why == shortfall::missing_target);
        CHECK(codes_within(walls, {[&] { return try_make_folder(ws.mine("later")); },
                                   [&] { return try_write(ws.theirs("folder/file")); }}) ==
              std::vector{EACCES, EACCES});
    }
}

TEST_CASE("Older kernels are used as far as the policy puts up with them", "[enforce]") {
    const workspace ws;
    const auto scope = scope_of({may_write(ws.mine())});
    for (const int abi : {0, 1, 2}) {
        const auto refused = error_of(prepare_confinement<narrowed>(scope, {.newest_abi = abi}));
        CHECK(refused.category == errc::not_enforceable);
        CHECK(refused.subject == "landlock");
        CHECK(refused.message.find("needs Landlock with ABI 3") != std::string::npos);
        CHECK(why_not(prepare_confinement<exact>(scope, {.newest_abi = abi})) ==
              errc::not_enforceable);
    }
    const std::vector<deed> deeds{
        [&] { return try_open(ws.theirs("file"), O_WRONLY); },
        [&] { return code_of(::truncate(ws.theirs("file").c_str(), 2)); },
        [&] { return try_rename(ws.mine("file"), ws.mine("folder/moved")); },
        [&] { return try_rename(ws.mine("folder/moved"), ws.mine("file")); },
    };
    const auto none = must(prepare_confinement<advisory>(scope, {.newest_abi = 0}));
    CHECK(none.report().abi == 0);
    CHECK(none.report().limits == std::vector{limit::no_landlock});
    CHECK(none.report().is_advisory());
    CHECK(codes_within(none, deeds) == std::vector{0, 0, 0, 0});

    NEEDS_LANDLOCK();
    const auto first = must(prepare_confinement<advisory>(scope, {.newest_abi = 1}));
    CHECK(first.report().has(limit::moves_refused));
    CHECK(first.report().has(limit::truncation));
    CHECK(first.report().is_advisory());
    CHECK(codes_within(first, deeds) == std::vector{EACCES, 0, EXDEV, ENOENT});
    const auto second = must(prepare_confinement<advisory>(scope, {.newest_abi = 2}));
    CHECK_FALSE(second.report().has(limit::moves_refused));
    CHECK(codes_within(second, deeds) == std::vector{EACCES, 0, 0, 0});
    const auto third = must(prepare_confinement<exact>(scope, {.newest_abi = 3}));
    CHECK(third.report().has(limit::device_control));
    CHECK_FALSE(third.report().is_advisory());
    CHECK(codes_within(third, deeds) == std::vector{EACCES, EACCES, 0, 0});
}

TEST_CASE("Without Landlock in the kernel the policy decides", "[enforce]") {
    const workspace ws;
    const auto scope = scope_of({may_write(ws.mine())});
    constexpr int no_seccomp = 77;
    telling_child without{[&](telling_child::line) {
        if (!let_system_call_fail(SYS_landlock_create_ruleset, ENOSYS)) {
            return no_seccomp;
        }
        const auto refused = prepare_confinement(scope);
        if (refused || refused.error().category != errc::not_enforceable ||
            refused.error().system != std::errc::function_not_supported) {
            return 1;
        }
        const auto report = confine_self<advisory>(scope);
        if (!report || !report->has(limit::no_landlock) || !report->is_advisory()) {
            return 2;
        }
        return try_write(ws.theirs("file")) == 0 ? 0 : 3;
    }};
    const auto code = without.exit_code();
    if (code == no_seccomp) {
        PODSCOPE_SKIP("no seccomp here");
    }
    CHECK(code == 0);
}

TEST_CASE("A process with several threads is not confined by one of them", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const auto scope = scope_of({may_write(ws.mine())});
    const auto codes = codes_after(
        [] { return 0; },
        {[&] {
             std::thread other{[] { ::pause(); }};
             other.detach();
             const auto refused = confine_self(scope);
             return !refused && refused.error().category == errc::not_enforceable &&
                            refused.error().subject == "threads"
                        ? 0
                        : 1;
         },
         [&] { return try_write(ws.theirs("file")); },
         [&] {
             // Where the kernel confines nobody, the others are no worse.
             const auto report = confine_self<advisory>(scope, {.newest_abi = 0});
             return report && report->limits == std::vector{limit::no_landlock} ? 0 : 1;
         },
         [&] {
             const auto report = confine_self<advisory>(scope);
             return report && report->has(limit::other_threads) && report->is_advisory() ? 0 : 1;
         },
         [&] { return try_write(ws.theirs("file")); }});
    CHECK(codes == std::vector{0, 0, 0, 0, EACCES});
}

TEST_CASE("A thread that was joined is not in the way", "[enforce]") {
    // Not in this process, whose other threads are the test's business.
    const auto codes = codes_after([] { return 0; }, {[] {
                                       int seen = 0;
                                       for (int i = 0; i != 5'000; ++i) {
                                           std::thread{[] {}}.join();
                                           seen += enforce_detail::has_other_threads() ? 1 : 0;
                                       }
                                       return seen == 0 ? 0 : 1;
                                   }});
    CHECK(codes == std::vector{0});
}

TEST_CASE("F09 other threads are seen where there is no /proc", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    constexpr int no_namespaces = 77;
    const auto codes =
        codes_after([] { return 0; },
                    {[&] {
                         if (::unshare(CLONE_NEWNS) != 0 ||
                             ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                             ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) {
                             return no_namespaces;
                         }
                         std::thread other{[] { ::pause(); }};
                         other.detach();
                         const auto refused = confine_self(scope_of({may_write(ws.mine())}));
                         return !refused && refused.error().subject == "threads" ? 0 : 1;
                     },
                     [&] { return try_write(ws.theirs("file")); }});
    if (codes.front() == no_namespaces) {
        PODSCOPE_SKIP("no mount namespaces here");
    }
    CHECK(codes == std::vector{0, 0});
}

TEST_CASE("F14 surroundings that cannot be opened for want are no smaller ones", "[enforce]") {
    NEEDS_LANDLOCK();
    if (podscope_test::is_sanitised) {
        PODSCOPE_SKIP("a sanitizer makes system calls of its own");
    }
    const auto prepare_with_one_descriptor = [] {
        const int next = ::dup(0);
        ::close(next);
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = static_cast<rlim_t>(next) + 1; // for the ruleset and no more
        if (next < 0 || ::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return 1;
        }
        const auto made = prepare_confinement(scope_of({}));
        return !made && made.error().category == errc::io &&
                       made.error().system == std::errc::too_many_files_open
                   ? 0
                   : 2;
    };
    CHECK(codes_after([] { return 0; }, {prepare_with_one_descriptor}) == std::vector{0});
}

TEST_CASE("A confinement can only become narrower", "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const auto wide = scope_of({may_write(ws.root.path())});
    const auto narrow = scope_of({may_write(ws.mine())});
    const auto confined_to = [](const podscope::scope& scope) {
        return confine_self(scope) ? 0 : 1;
    };
    const auto codes = codes_after(
        [&] { return confined_to(wide); },
        {[&] { return try_write(ws.theirs("file")); }, [&] { return confined_to(narrow); },
         [&] { return try_write(ws.theirs("file")); }, [&] { return confined_to(wide); },
         [&] { return try_write(ws.theirs("file")); }, [&] { return try_write(ws.mine("file")); }});
    CHECK(codes == std::vector{0, 0, EACCES, 0, EACCES, 0});
}

// What docs/enforcement.md says that it does not hold against.
TEST_CASE("Open descriptors, and what others move, are outside of the kernel's promise",
          "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const int open_before = ::open(ws.theirs("file").c_str(), O_WRONLY | O_CLOEXEC);
    const auto walls = walls_of(scope_of({may_write(ws.mine())}));
    std::filesystem::rename(ws.mine("folder"), ws.theirs("from-mine"));
    std::filesystem::rename(ws.theirs("folder"), ws.mine("from-theirs"));
    std::filesystem::create_hard_link(ws.mine("file"), ws.theirs("second-name"));
    const auto codes =
        codes_within(walls, {[&] { return code_of(::write(open_before, "x", 1)); },
                             [&] { return try_write(ws.theirs("from-mine/file")); },
                             [&] { return try_write(ws.mine("from-theirs/file")); },
                             [&] { return try_write(ws.theirs("second-name")); },
                             [&] { return code_of(::chmod(ws.theirs("file").c_str(), 0640)); }});
    ::close(open_before);
    CHECK(codes == std::vector{0, EACCES, 0, EACCES, 0});
}

TEST_CASE("F25 the heir of a dead child is not let into the living grandchild's region",
          "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    std::filesystem::create_directories(ws.mine("src/parser"));
    auto world = podscope::make_runtime(
        podscope::use::backend(podscope::basic_memory<podscope::pod_schema>{}),
        podscope::use::sessions(podscope::memory_sessions{}));
    const auto part = [&](const char* name, const std::string& path) {
        return podscope::manifest{name}.may(podscope::rules::write(path));
    };
    auto planner = must(world.create(part("planner", ws.mine())));
    auto helper = [&] {
        auto coder = must(world.adopt(must(planner.delegate(part("coder", ws.mine("src"))))));
        return must(world.adopt(must(coder.delegate(part("helper", ws.mine("src/parser"))))));
    }(); // and the coder is gone
    (void)must(planner.reconcile());
    const std::vector<deed> deeds{[&] { return try_write(ws.mine("src/parser/new")); },
                                  [&] { return try_write(ws.mine("folder/new")); },
                                  [&] { return try_write(ws.theirs("new")); }};
    CHECK(codes_within(must(prepare_confinement(planner)), deeds) ==
          std::vector{EACCES, 0, EACCES});
    CHECK(codes_within(must(prepare_confinement<exact>(helper)), deeds) ==
          std::vector{0, EACCES, EACCES});
    CHECK(why_not(prepare_confinement<exact>(planner)) == errc::not_enforceable);

    // I7: who has lost its scope is confined to nothing, for it has none.
    (void)must(planner.reclaim("helper"));
    CHECK(why_not(prepare_confinement(helper)) == errc::revoked);
}

TEST_CASE("A confined process goes on with its pod if it may write its runtime's store",
          "[enforce]") {
    NEEDS_LANDLOCK();
    const workspace ws;
    const auto state = ws.root / "state";
    forked_process process{[&] {
        auto world = podscope::open_runtime(state);
        if (!world) {
            return 1;
        }
        auto pod =
            world->create(podscope::manifest{"coder"}.may(podscope::rules::write(ws.mine())));
        if (!pod ||
            !confine_self<exact>(
                *pod, {.around = surroundings::of_programs().may_write(state).may_read("/proc")})) {
            return 2;
        }
        if (try_write(ws.theirs("file")) != EACCES || try_write(ws.mine("file")) != 0) {
            return 3;
        }
        if (!pod->check(ws.mine("file"), permission::write) ||
            pod->check(ws.theirs("file"), permission::write)) {
            return 4;
        }
        auto child = pod->delegate(
            podscope::manifest{"helper"}.may(podscope::rules::write(ws.mine("folder"))));
        return child && pod->release() ? 0 : 5;
    }};
    CHECK(process.status() == 0);
}
