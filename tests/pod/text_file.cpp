// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/failing_calls.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/pod/text_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

using namespace podscope;
using namespace podscope_test;
using pod_detail::folder_of;
using pod_detail::read_text_file;

namespace {

constexpr std::size_t any_length = std::numeric_limits<std::size_t>::max() / 4;

std::string write_file(const std::string& path, std::string_view content) {
    std::ofstream{path, std::ios::binary} << content;
    return path;
}

// What is read of a file of that content, or refused as too long.
void is_bounded(const std::string& path, const std::string& content) {
    for (std::size_t most = 0; most <= content.size() + 2; ++most) {
        CAPTURE(content, most);
        const auto read = read_text_file(path, most);
        if (content.size() <= most) {
            REQUIRE(read);
            CHECK(*read == content);
        } else {
            REQUIRE_FALSE(read);
            CHECK(read.error().category == errc::invalid_manifest);
            CHECK(read.error().message == "'" + path + "' is too large");
            CHECK(read.error().path == path);
            CHECK_FALSE(read.error().system);
        }
    }
}

// Of this thread; /proc shows it in a file that does not say how long it is.
class thread_name {
public:
    thread_name() { ::prctl(PR_GET_NAME, before_.data()); }

    thread_name(const thread_name&) = delete;
    thread_name& operator=(const thread_name&) = delete;

    ~thread_name() { ::prctl(PR_SET_NAME, before_.data()); }

    void become(const std::string& name) { REQUIRE(::prctl(PR_SET_NAME, name.c_str()) == 0); }

    static constexpr std::size_t longest = 15;

private:
    std::array<char, longest + 1> before_{};
};

constexpr int was_read = 0;
constexpr int was_refused = 1;
constexpr int was_wrong = 2;

// Reads a file in a process whose calls may fail.
auto reading(const std::string& path, const std::string& content) {
    return [&] {
        mark_deed();
        const auto read = read_text_file(path, any_length);
        mark_deed();
        if (read) {
            return *read == content ? was_read : was_wrong;
        }
        const error& why = read.error();
        return why.category == errc::io && why.system && why.path == path ? was_refused : was_wrong;
    };
}

} // namespace

TEST_CASE("F38 a file is read whole up to the bound and refused above it", "[pod]") {
    const temporary_folder folder;
    for (const std::size_t length : {0U, 1U, 2U, 15U, 16U, 17U}) {
        const std::string content(length, 'x');
        is_bounded(write_file(folder / "file", content), content);
    }
}

TEST_CASE("F38 a file that does not say how long it is keeps to the same bound", "[pod]") {
    thread_name name;
    for (std::size_t length = 0; length <= thread_name::longest; ++length) {
        name.become(std::string(length, 'x'));
        is_bounded("/proc/thread-self/comm", std::string(length, 'x') + "\n");
    }
}

TEST_CASE("F38 what is no file is refused and no call is blamed", "[pod]") {
    const temporary_folder folder;
    const auto read = read_text_file(folder.path(), any_length);
    REQUIRE_FALSE(read);
    CHECK(read.error().category == errc::io);
    CHECK(read.error().message == "'" + folder.path() + "' is not a regular file");
    CHECK_FALSE(read.error().system);
}

TEST_CASE("F38 each call that a file is read by may fail", "[pod]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const std::string content = "name = 'a'";
    const std::string path = write_file(folder / "file", content);
    const auto deed = reading(path, content);

    std::vector<int> codes;
    const auto failed = fail_each_call(for_want, deed, [&](int code) { codes.push_back(code); });
    // To open it, to look at it, to read it and to find its end.
    CHECK(failed >= 4);
    CHECK(std::ranges::count(codes, was_refused) == static_cast<std::ptrdiff_t>(failed));
    CHECK(codes.back() == was_read);
    CHECK(fail_each_call(by_signal, deed) >= 2);
}

TEST_CASE("A file that is read is not handed on to a program that is started", "[pod]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const std::string path = write_file(folder / "file", "x");
    std::vector<std::uint64_t> opened;
    const auto note = [&](std::uint64_t number, const std::uint64_t* arguments) -> call_failure {
        if (number == SYS_openat) {
            opened.push_back(arguments[2]);
        }
        return std::nullopt;
    };
    CHECK(fail_each_call(note, reading(path, "x")) == 0);
    REQUIRE_FALSE(opened.empty());
    CHECK(std::ranges::all_of(opened, [](auto flags) { return (flags & O_CLOEXEC) != 0; }));
}

TEST_CASE("The folder of a file is absolute, and none where that cannot be told", "[pod]") {
    CHECK(folder_of("/team.toml") == "/");
    CHECK(folder_of("/a/b/team.toml") == "/a/b");

    namespace fs = std::filesystem;
    const temporary_folder folder;
    const auto before = fs::current_path();
    fs::current_path(folder.path());
    const auto here = fs::current_path().string();
    const auto beside = folder_of("team.toml");
    const auto below = folder_of("a/team.toml");
    fs::remove(folder.path());
    const auto nowhere = folder_of("team.toml");
    fs::current_path(before);
    CHECK(beside == here);
    CHECK(below == here + "/a");
    CHECK(nowhere.empty());
}
