// SPDX-License-Identifier: BSL-1.0
#include "session/telling_child.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/files/beneath.hpp>
#include <podscope/os/descriptor_path.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace podscope_test;
using namespace podscope::files;
using podscope::os_detail::file_descriptor;
using podscope::os_detail::path_of_descriptor;

namespace {

struct tree {
    tree() {
        std::filesystem::create_directories(root / "top/a/b");
        std::filesystem::create_directories(root / "outside");
        std::ofstream{root / "top/file"} << "x";
        std::filesystem::create_directory_symlink("../outside", root / "top/out");
        std::filesystem::create_directory_symlink(root / "outside", root / "top/absolute");
        std::filesystem::create_directory_symlink("a", root / "top/inside");
        std::filesystem::create_directory_symlink("loop", root / "top/loop");
        top = file_descriptor{::open((root / "top").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    }

    // Where a path leads, below the top; or the code.
    template <class Resolver>
    [[nodiscard]] std::string found(const std::string& path) const {
        file_descriptor folder;
        if (const int code = Resolver{}.open(top.get(), path, folder); code != 0) {
            return "code " + std::to_string(code);
        }
        return path_of_descriptor(folder.get()).substr((root / "top").size());
    }

    temporary_folder root{};
    file_descriptor top{};
};

std::string code(int number) {
    return "code " + std::to_string(number);
}

} // namespace

TEMPLATE_TEST_CASE("F37 a path is followed through no link and never above its beginning",
                   "[files]",
                   by_kernel,
                   by_walk,
                   by_kernel_or_walk) {
    const tree t;
    file_descriptor ignored;
    if (std::is_same_v<TestType, by_kernel> &&
        TestType{}.open(t.top.get(), "", ignored) == ENOSYS) {
        PODSCOPE_SKIP("no openat2 here");
    }
    const auto found = [&](const std::string& path) { return t.found<TestType>(path); };
    CHECK(found("").empty());
    CHECK(found(".").empty());
    CHECK(found("a") == "/a");
    CHECK(found("a//./b/") == "/a/b");
    CHECK(found("a/..").empty());
    CHECK(found("a/b/../../a/b/..") == "/a");

    CHECK(found("..") == code(EXDEV));
    CHECK(found("a/../..") == code(EXDEV));
    CHECK(found("../top/a") == code(EXDEV));
    CHECK(found("a/../../outside") == code(EXDEV));

    CHECK(found("out") == code(ELOOP));
    CHECK(found("out/..") == code(ELOOP));
    CHECK(found("absolute") == code(ELOOP));
    CHECK(found("inside/b") == code(ELOOP));
    CHECK(found("a/../out/x") == code(ELOOP));
    CHECK(found("loop") == code(ELOOP));

    CHECK(found("file") == code(ENOTDIR));
    CHECK(found("file/..") == code(ENOTDIR));
    CHECK(found("none") == code(ENOENT));
    CHECK(found("none/..") == code(ENOENT));
    CHECK(found(std::string(256, 'n')) == code(ENAMETOOLONG));
}

TEMPLATE_TEST_CASE("F37 a magic link of /proc is a link", "[files]", by_kernel, by_walk) {
    const tree t;
    const file_descriptor proc{::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    REQUIRE(proc);
    file_descriptor folder;
    CHECK(TestType{}.open(proc.get(), "fd/" + std::to_string(t.top.get()), folder) == ELOOP);
    CHECK(TestType{}.open(proc.get(), "root", folder) == ELOOP);
    CHECK(TestType{}.open(proc.get(), "cwd", folder) == ELOOP);
    CHECK(TestType{}.open(proc.get(), "fd", folder) == 0);
}

TEST_CASE("Where the kernel lacks openat2 or it is filtered a walk finds the same", "[files]") {
    const tree t;
    constexpr int no_seccomp = 77;
    for (const int lacking : {ENOSYS, EPERM}) {
        telling_child without{[&](telling_child::line) {
            if (!let_system_call_fail(SYS_openat2, lacking)) {
                return no_seccomp;
            }
            if (t.found<by_kernel>("a") != code(lacking)) {
                return 1;
            }
            return t.found<by_kernel_or_walk>("a/b/..") == "/a" &&
                           t.found<by_kernel_or_walk>("out") == code(ELOOP) &&
                           t.found<by_kernel_or_walk>("a/../..") == code(EXDEV)
                       ? 0
                       : 2;
        }};
        const auto status = without.exit_code();
        if (status == no_seccomp) {
            PODSCOPE_SKIP("no seccomp here");
        }
        CHECK(status == 0);
    }
}

TEST_CASE("What was opened is close-on-exec", "[files]") {
    const tree t;
    file_descriptor folder;
    REQUIRE(by_walk{}.open(t.top.get(), "a", folder) == 0);
    CHECK((::fcntl(folder.get(), F_GETFD) & FD_CLOEXEC) != 0);
    REQUIRE(by_kernel_or_walk{}.open(t.top.get(), "a", folder) == 0);
    CHECK((::fcntl(folder.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("F08 a kernel that never comes to an answer is not asked for ever", "[files]") {
    const tree t;
    constexpr int no_seccomp = 77;
    for (const int busy : {EAGAIN, EINTR}) {
        telling_child asking{[&](telling_child::line) {
            if (!let_system_call_fail(SYS_openat2, busy)) {
                return no_seccomp;
            }
            return t.found<by_kernel_or_walk>("a/..") == code(busy) ? 0 : 1;
        }};
        const auto status = asking.exit_code();
        if (status == no_seccomp) {
            PODSCOPE_SKIP("no seccomp here");
        }
        CHECK(status == 0);
    }
}
