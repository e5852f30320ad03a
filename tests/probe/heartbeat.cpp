// SPDX-License-Identifier: BSL-1.0
// Processes that say in a file that they are alive.
#include "probe/processes.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/probe/heartbeat.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

probe_subject subject_at(std::string endpoint) {
    return {.pod = "a pod", .owner = {}, .endpoint = std::move(endpoint), .granted = epoch{7}};
}

std::string content_of(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace

TEST_CASE("F20 a process is unreachable once its heart has not beaten for a while", "[probe]") {
    const temporary_folder folder;
    const std::string path = folder / "beat";
    const child_process child{[&](const voice& out) {
        auto heart = heartbeat::at(path, "a pod", epoch{7});
        out.say(heart ? heart->endpoint() : std::string{"no heartbeat"});
        while (heart && heart->beat()) {
            ::poll(nullptr, 0, 5);
        }
    }};
    const auto subject = subject_at(child.line());
    REQUIRE(subject.endpoint == "heartbeat:" + path);
    // Long enough for a beat on any machine, and short enough to be waited for.
    const heartbeat_probe probe{2s};
    CHECK(ask(probe, subject) == verdict::reachable);
    ::kill(child.pid(), SIGSTOP);
    CHECK(eventually([&] { return ask(probe, subject) == verdict::unreachable; }));
    ::kill(child.pid(), SIGCONT);
    CHECK(eventually([&] { return ask(probe, subject) == verdict::reachable; }));
}

TEST_CASE("I7 another incarnation's heartbeat is not the subject's", "[probe]") {
    const temporary_folder folder;
    const std::string path = folder / "beat";
    const heartbeat_probe probe{1h};
    auto first = heartbeat::at(path, "a pod", epoch{7}).value();
    const auto subject = subject_at(first.endpoint());
    CHECK(ask(probe, subject) == verdict::reachable);
    auto next = heartbeat::at(path, "a pod", epoch{10}).value();
    CHECK(ask(probe, subject) == verdict::missing);
    auto later = subject;
    later.granted = epoch{10};
    CHECK(ask(probe, later) == verdict::reachable);
    auto shorter = heartbeat::at(path, "b", epoch{1}).value();
    CHECK(ask(probe, later) == verdict::missing);
    later.pod = "b";
    later.granted = epoch{1};
    CHECK(ask(probe, later) == verdict::reachable);
    CHECK(content_of(path).find('\n') == content_of(path).size() - 1);
}

TEST_CASE("what a heartbeat's file says is read as it was written or not at all", "[probe]") {
    const temporary_folder folder;
    const std::string path = folder / "beat";
    const heartbeat_probe probe{1h};
    const auto heart = heartbeat::at(path, "a pod", epoch{7}).value();
    const auto subject = subject_at(heart.endpoint());
    const auto whole = content_of(path);
    const auto judge = [&](const std::string& text) {
        std::ofstream{path} << text;
        return ask(probe, subject);
    };
    CHECK(judge(whole) == verdict::reachable);
    for (std::size_t length = 0; length != whole.size(); ++length) {
        REQUIRE(judge(whole.substr(0, length)) == verdict::unreachable);
    }
    const auto with = [&](std::size_t at, std::string_view what) {
        auto text = whole;
        return text.replace(at, what.size(), what);
    };
    CHECK(judge(with(0, "another thing")) == verdict::unreachable);
    for (std::size_t length = 0; length != whole.size() - 1; ++length) {
        const auto seen = judge(whole.substr(0, length) + '\n');
        const bool is_another_name = length + std::string_view{"a pod"}.size() > whole.size() - 1;
        REQUIRE(seen == (is_another_name ? verdict::missing : verdict::unreachable));
    }
    // The boot, and a beat that is yet to come.
    const auto boot = probe_detail::heartbeat_magic.size();
    CHECK(judge(with(boot, "00000000-0000-0000-0000-000000000001")) == verdict::missing);
    CHECK(judge(with(boot, "no boot")) == verdict::unreachable);
    CHECK(judge(with(whole.size() - 8, "x")) == verdict::unreachable);
    CHECK(judge(with(whole.size() - 2, "/")) == verdict::unreachable);
    CHECK(judge(with(boot + 37, "09999999999999999999")) == verdict::unreachable);
    CHECK(judge(with(boot + 37, "08999999999999999999")) == verdict::unknown);
    CHECK(judge(with(boot + 37, "00000000000000000000")) ==
          (probe_detail::monotonic_ms() > 3'600'000 ? verdict::unreachable : verdict::reachable));
}

TEST_CASE("a heartbeat that is not there is unreachable and one of another form unknown",
          "[probe]") {
    const temporary_folder folder;
    const heartbeat_probe probe{1h};
    CHECK(ask(probe, subject_at("heartbeat:" + (folder / "none"))) == verdict::unreachable);
    CHECK(ask(probe, subject_at("heartbeat:" + (folder / "none/none"))) == verdict::unreachable);
    std::ofstream{folder / "file"} << "no folder";
    CHECK(ask(probe, subject_at("heartbeat:" + (folder / "file/none"))) == verdict::unreachable);
    for (const auto* const endpoint : {"", "heartbeat:", "heartbeat:beat", "unix:/beat"}) {
        CHECK(ask(probe, subject_at(endpoint)) == verdict::unknown);
    }
    REQUIRE(::symlink("beat", (folder / "link").c_str()) == 0);
    CHECK(ask(probe, subject_at("heartbeat:" + (folder / "link"))) == verdict::unknown);
    const auto refused = heartbeat::at(folder / "link", "a pod", epoch{7});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().category == errc::io);
    CHECK(heartbeat::at(folder / "beat", "a/b", epoch{7}).error().category == errc::invalid_name);
}

TEST_CASE("a heartbeat whose path no endpoint can name is refused", "[probe]") {
    const temporary_folder folder;
    for (const auto& path : {std::string{"beat"}, std::string{}, (folder / "beat") + '\0' + "x"}) {
        const auto refused = heartbeat::at(path, "a pod", epoch{7});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().category == errc::io);
        CHECK(refused.error().system == std::errc::invalid_argument);
    }
    CHECK(::access((folder / "beat").c_str(), F_OK) != 0);
}

TEST_CASE("F22 a forked copy of a process does not beat for its pod", "[probe]") {
    const temporary_folder folder;
    auto heart = heartbeat::at(folder / "beat", "a pod", epoch{7}).value();
    const auto before = content_of(folder / "beat");
    const child_process copy{[&](const voice& out) {
        const auto beaten = heart.beat();
        out.say(beaten ? std::string{"it beats"} : std::string{to_string(beaten.error().category)});
    }};
    CHECK(copy.line() == to_string(errc::forked));
    CHECK(content_of(folder / "beat") == before);
    CHECK(heart.beat().has_value());
}

TEST_CASE("F12 a beat for which there is no room says so", "[probe]") {
    const temporary_folder folder;
    const child_process child{[&](const voice& out) {
        auto heart = heartbeat::at(folder / "beat", "a pod", epoch{7}).value();
        // A part of the line is written, and the rest is not: as on a full disk.
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{10, RLIM_INFINITY};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const auto beaten = heart.beat();
        const auto failed = beaten ? error{} : beaten.error();
        out.say(to_string(failed));
        out.say(failed.path);
    }};
    CHECK(child.line() == "io: cannot write a heartbeat (No space left on device)");
    CHECK(child.line() == folder / "beat");
}
