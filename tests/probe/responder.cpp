// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

#include <podscope/probe/responder.hpp>
#include <podscope/probe/unix_socket.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

constexpr epoch seven{7};

responder opened(const std::string& path, epoch granted = seven) {
    auto made = responder::open(path, "p", granted);
    if (!made) {
        throw std::runtime_error{to_string(made.error())};
    }
    return std::move(*made);
}

verdict call(const std::string& path, std::chrono::milliseconds time = patience) {
    return ask(unix_socket_probe{}, at(path), in(time));
}

bool readable(int descriptor, int timeout_ms = 0) {
    pollfd watched{descriptor, POLLIN, 0};
    return ::poll(&watched, 1, timeout_ms) == 1;
}

/// A process that answers from a thread while its main thread hangs.
auto answering_from_a_thread(const std::string& path) {
    return [path](voice v) {
        auto door = opened(path);
        v.say(std::string{door.run_in_thread() ? "runs" : "does not"});
        hang();
    };
}

} // namespace

TEST_CASE("a responder that a loop drives answers", "[concurrent]") {
    const temporary_folder folder;
    auto door = opened(folder / "s");
    CHECK(door.endpoint() == "unix:" + (folder / "s"));
    CHECK_FALSE(readable(door.descriptor()));
    CHECK(door.serve_ready());

    verdict heard{};
    std::thread caller{[&] { heard = call(folder / "s"); }};
    CHECK(readable(door.descriptor(), 30'000));
    CHECK(door.serve_ready());
    caller.join();
    CHECK(heard == verdict::reachable);
    CHECK_FALSE(readable(door.descriptor()));
}

TEST_CASE("a responder whose loop hangs is unreachable") {
    const temporary_folder folder;
    auto door = opened(folder / "s");
    CHECK(call(folder / "s", a_while) == verdict::unreachable);
    // The caller has hung up meanwhile: no SIGPIPE, and the next one is served.
    CHECK(readable(door.descriptor()));
    CHECK(door.serve_ready());
    CHECK_FALSE(readable(door.descriptor()));
}

TEST_CASE("a responder that a thread drives answers until it is stopped and again",
          "[concurrent]") {
    const temporary_folder folder;
    auto door = opened(folder / "s");
    REQUIRE(door.run_in_thread());
    REQUIRE(door.run_in_thread());
    CHECK(call(folder / "s") == verdict::reachable);
    CHECK(ask_all(unix_socket_probe{}, std::vector<probe_subject>(1'000, at(folder / "s"))) ==
          std::vector(1'000, verdict::reachable));
    door.stop();
    door.stop();
    CHECK(call(folder / "s", a_while) == verdict::unreachable);
    REQUIRE(door.run_in_thread());
    CHECK(call(folder / "s") == verdict::reachable);
}

TEST_CASE("a responder goes on in the one that it was moved to", "[concurrent]") {
    const temporary_folder folder;
    auto first = opened(folder / "a");
    REQUIRE(first.run_in_thread());
    auto second = std::move(first);
    CHECK(call(folder / "a") == verdict::reachable);
    second = opened(folder / "b");
    CHECK(call(folder / "a") == verdict::unreachable);
    CHECK_FALSE(std::filesystem::exists(folder / "a"));
    CHECK(std::filesystem::exists(folder / "b"));
    first.stop(); // NOLINT(bugprone-use-after-move): nothing is to be stopped there
    auto& same = second;
    second = std::move(same);
    REQUIRE(second.announce(seven));
    REQUIRE(second.run_in_thread());
    CHECK(call(folder / "b") == verdict::reachable);
}

TEST_CASE("callers wait until the epoch is announced", "[concurrent]") {
    const temporary_folder folder;
    auto door = opened(folder / "s", epoch::none);
    SECTION("in a thread") {
        REQUIRE(door.run_in_thread());
        CHECK(call(folder / "s", a_while) == verdict::unreachable);
        verdict heard{};
        std::thread caller{[&] { heard = call(folder / "s"); }};
        CHECK(readable(door.descriptor(), 30'000));
        CHECK(door.announce(seven));
        caller.join();
        CHECK(heard == verdict::reachable);
    }
    SECTION("in a loop") {
        CHECK(call(folder / "s", a_while) == verdict::unreachable);
        CHECK(door.serve_ready());
        CHECK(readable(door.descriptor()));
        CHECK(door.announce(seven));
        CHECK(door.serve_ready());
        CHECK_FALSE(readable(door.descriptor()));
    }
}

TEST_CASE("an announced epoch replaces the one before", "[concurrent]") {
    const temporary_folder folder;
    auto door = opened(folder / "s", epoch{6});
    REQUIRE(door.run_in_thread());
    CHECK(call(folder / "s") == verdict::missing);
    CHECK(door.announce(seven));
    CHECK(call(folder / "s") == verdict::reachable);
    CHECK(door.announce(epoch::none));
    CHECK(call(folder / "s", a_while) == verdict::unreachable);
}

TEST_CASE("F21 a stopped process is unreachable and a continued one reachable", "[concurrent]") {
    const temporary_folder folder;
    const child_process child{answering_from_a_thread(folder / "s")};
    REQUIRE(child.line() == "runs");
    CHECK(call(folder / "s") == verdict::reachable);
    child.stop();
    CHECK(call(folder / "s", a_while) == verdict::unreachable);
    child.resume();
    CHECK(call(folder / "s") == verdict::reachable);
}

TEST_CASE("a thread answers with all signals blocked", "[concurrent]") {
    const temporary_folder folder;
    sigset_t before{};
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    auto door = opened(folder / "s");
    REQUIRE(door.run_in_thread());
    sigset_t after{};
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    CHECK(::sigismember(&before, SIGUSR1) == ::sigismember(&after, SIGUSR1));

    CHECK(call(folder / "s") == verdict::reachable); // the thread has begun
    bool found = false;
    for (const auto& thread : podscope_test::threads()) {
        // All but SIGKILL and SIGSTOP and two that the C library keeps.
        const auto blocked = podscope_test::blocked_by(thread);
        found = found || blocked == 0xfffffffe7ffbfeff || blocked == 0xfffffffc7ffbfeff;
    }
    CHECK(found);
}

TEST_CASE("a thread without descriptors lets callers wait and answers them later", "[concurrent]") {
    const temporary_folder folder;
    const child_process child{[&](voice v) {
        // A sanitizer needs descriptors to look at the first thread of this kind.
        REQUIRE(opened(folder / "another").run_in_thread());
        auto door = opened(folder / "s");
        v.say(std::string{"opened"});
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        // As many as poll wants to see, and all of them taken.
        const rlimit none{3, files.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
        const bool caller_waits = readable(door.descriptor(), 30'000);
        const auto refused = door.serve_ready();
        const bool runs = door.run_in_thread().has_value();
        ::setrlimit(RLIMIT_NOFILE, &files);
        v.say(std::string{caller_waits && !refused ? to_string(refused.error()) : "served"});
        v.say(std::string{runs ? "runs" : "does not"});
        hang();
    }};
    REQUIRE(child.line() == "opened");
    CHECK(call(folder / "s") == verdict::reachable);
    CHECK(child.line() == "io: cannot accept a connection now; try again (Too many open files)");
    CHECK(child.line() == "runs");
}

TEST_CASE("F16 the socket is its user's alone whatever the umask") {
    const temporary_folder folder;
    const auto mask = ::umask(GENERATE(mode_t{0}, mode_t{0777}));
    const auto door = opened(folder / "s");
    ::umask(mask);
    struct stat facts{};

    REQUIRE(::lstat((folder / "s").c_str(), &facts) == 0);
    CHECK(facts.st_mode == (S_IFSOCK | 0600));
    // The file got its mode from the socket, and so was never open to others.
    REQUIRE(::fstat(door.descriptor(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
}

TEST_CASE("F16 an unsafe folder is refused") {
    const temporary_folder folder;
    const auto inner = folder / "inner";
    REQUIRE(::mkdir(inner.c_str(), 0700) == 0);
    auto path = inner + "/s";
    SECTION("writable by the group") {
        REQUIRE(::chmod(inner.c_str(), 0770) == 0);
    }
    SECTION("writable by all") {
        REQUIRE(::chmod(inner.c_str(), 01707) == 0);
    }
    SECTION("of another user") {
        if (::chown(inner.c_str(), 65534, 65534) != 0) {
            PODSCOPE_SKIP("may not change the owner");
        }
    }
    SECTION("a symbolic link") {
        REQUIRE(::symlink(inner.c_str(), (folder / "link").c_str()) == 0);
        path = folder / "link/s";
    }
    SECTION("a file") {
        std::ofstream{folder / "file"} << "no folder";
        path = folder / "file/s";
    }
    SECTION("behind a symbolic link to itself") {
        REQUIRE(::symlink((folder / "loop").c_str(), (folder / "loop").c_str()) == 0);
        path = folder / "loop/inner/s";
    }
    const auto refused = responder::open(path, "p");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == errc::unsafe_file);
    CHECK(refused.error().path == path.substr(0, path.size() - 2));
    CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("F16 what is no socket of this user stays and is refused") {
    const temporary_folder folder;
    const auto path = folder / "s";
    std::optional<plain_socket> other;
    SECTION("a file") {
        std::ofstream{path} << "precious";
    }
    SECTION("a symbolic link to a stale socket") {
        { const plain_socket stale{folder / "stale"}; }
        REQUIRE(::symlink((folder / "stale").c_str(), path.c_str()) == 0);
    }
    SECTION("a fifo") {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    }
    SECTION("a folder") {
        REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    }
    SECTION("another user's socket") {
        { const plain_socket stale{path}; }
        if (::chown(path.c_str(), 65534, 65534) != 0) {
            PODSCOPE_SKIP("may not change the owner");
        }
    }
    const auto refused = responder::open(path, "p");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == errc::unsafe_file);
    CHECK(refused.error().path == path);
    struct stat facts{};

    CHECK(::lstat(path.c_str(), &facts) == 0);
}

TEST_CASE("paths and names that cannot be are refused with the reason") {
    const temporary_folder folder;
    const auto refusal = [](const std::string& path, const std::string& pod = "p") {
        const auto refused = responder::open(path, pod);
        return refused ? error{} : refused.error();
    };
    const auto longest = folder / std::string(107 - folder.path().size() - 1, 'x');
    CHECK(responder::open(longest, "p"));
    const auto too_long = refusal(longest + "x");
    CHECK(too_long.category == errc::io);
    CHECK(too_long.system == std::errc::filename_too_long);
    CHECK(too_long.message.find("107 bytes") != std::string::npos);
    CHECK(too_long.path == longest + "x");
    for (const std::string& path : {std::string{"s"}, std::string{}, folder / "", folder / "..",
                                    folder / ".", (folder / "s") + std::string(1, '\0')}) {
        CAPTURE(path);
        CHECK(refusal(path).system == std::errc::invalid_argument);
    }
    const auto no_folder = refusal(folder / "no/s");
    CHECK(no_folder.category == errc::io);
    CHECK(no_folder.system == std::errc::no_such_file_or_directory);
    CHECK(refusal(folder / "s", "a/b").category == errc::invalid_name);
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("the file goes with the responder") {
    const temporary_folder folder;
    { const auto door = opened(folder / "s"); }
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a file that is no longer the responder's stays") {
    const temporary_folder folder;
    {
        const auto door = opened(folder / "s");
        std::filesystem::remove(folder / "s");
        const plain_socket successor{folder / "s"};
    }
    CHECK(std::filesystem::exists(folder / "s"));
    std::filesystem::remove(folder / "s");
    {
        const auto door = opened(folder / "s");
        std::filesystem::remove(folder / "s");
    }
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a crowded folder delays the end and does not stop it") {
    const temporary_folder folder;
    const int held = ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    {
        const auto door = opened(folder / "s");
        REQUIRE(::flock(held, LOCK_EX) == 0);
    }
    CHECK(std::filesystem::exists(folder / "s"));
    const auto refused = responder::open(folder / "s", "p");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == errc::timeout);
    ::close(held);
    CHECK(responder::open(folder / "s", "p"));
}

TEST_CASE("a dead predecessor's socket is replaced and a living one's is not") {
    const temporary_folder folder;
    child_process predecessor{answering_from_a_thread(folder / "s")};
    REQUIRE(predecessor.line() == "runs");
    const auto refused = responder::open(folder / "s", "p", seven);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == errc::already_live);
    CHECK(call(folder / "s") == verdict::reachable);

    predecessor.kill_and_reap();
    CHECK(std::filesystem::exists(folder / "s"));
    CHECK(call(folder / "s") == verdict::unreachable);
    CHECK(responder::open(folder / "s", "p", seven));
}

TEST_CASE("a responder in this process is not replaced by another") {
    const temporary_folder folder;
    const auto door = opened(folder / "s");
    const auto refused = responder::open(folder / "s", "q");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == errc::already_live);
    CHECK(std::filesystem::exists(folder / "s"));
}

TEST_CASE("F49 a predecessor with a full backlog lives") {
    const temporary_folder folder;
    const plain_socket door{folder / "s", plain_socket::kind::listening, 0};
    const crowd crowd{folder / "s"};
    const auto refused = responder::open(folder / "s", "p");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == errc::already_live);
}

TEST_CASE("of many successors of a dead predecessor one gets the path") {
    const temporary_folder folder;
    for (int round = 0; round < 10; ++round) {
        {
            const plain_socket stale{folder / "s"};
        }
        std::vector<std::unique_ptr<child_process>> rivals;
        int gate[2];
        REQUIRE(::pipe2(gate, O_CLOEXEC) == 0);
        for (int n = 0; n < 8; ++n) {
            rivals.push_back(std::make_unique<child_process>([&](voice v) {
                ::close(gate[1]);
                char c = 0;
                (void)!::read(gate[0], &c, 1); // until the gate opens for all at once
                const auto door = responder::open(folder / "s", "p", seven);
                v.say(std::string{door ? "got it" : to_string(door.error().category)});
                hang();
            }));
        }
        ::close(gate[0]);
        ::close(gate[1]);
        std::vector<std::string> said;
        for (const auto& rival : rivals) {
            said.push_back(rival->line());
        }
        CHECK(std::ranges::count(said, "got it") == 1);
        CHECK(std::ranges::count(said, "already_live") == 7);
        rivals.clear();
        std::filesystem::remove(folder / "s");
    }
}

TEST_CASE("F22 a forked copy of a responder answers nobody and removes nothing", "[concurrent]") {
    const temporary_folder folder;
    std::optional<responder> door{opened(folder / "s")};
    const bool threaded = GENERATE(false, true);
    if (threaded) {
        REQUIRE(door->run_in_thread());
    }
    child_process copy{[&](voice v) {
        v.say(std::string{to_string(door->serve_ready().error().category)});
        v.say(std::string{to_string(door->announce(epoch{8}).error().category)});
        v.say(std::string{to_string(door->run_in_thread().error().category)});
        door->stop();
        const int listener = door->descriptor();
        door.reset();
        v.say(std::string{::fcntl(listener, F_GETFD) < 0 ? "closed" : "open"});
    }};
    CHECK(copy.line() == "forked");
    CHECK(copy.line() == "forked");
    CHECK(copy.line() == "forked");
    CHECK(copy.line() == "closed");
    copy.await_exit();

    CHECK(std::filesystem::exists(folder / "s"));
    if (!threaded) {
        REQUIRE(door->run_in_thread());
    }
    CHECK(call(folder / "s") == verdict::reachable);
}

TEST_CASE("F22 F54 a dead predecessor's forked copy does not hold the path") {
    const temporary_folder folder;
    child_process predecessor{[&](voice v) {
        const auto door = opened(folder / "s");
        const pid_t copy = ::fork();
        if (copy == 0) {
            hang();
        }
        v.say(std::to_string(copy));
        hang();
    }};
    const auto copy = static_cast<pid_t>(std::stoi(predecessor.line()));
    const killed_at_the_end copy_ends{copy};
    CHECK(responder::open(folder / "s", "p").error().category == errc::already_live);
    SECTION("of a zombie") {
        predecessor.send(SIGKILL);
        predecessor.await_exit();
    }
    SECTION("of one that is gone") {
        predecessor.kill_and_reap();
    }
    REQUIRE(::kill(copy, 0) == 0);
    // It still listens, for all that connect can tell.
    CHECK(call(folder / "s", a_while) == verdict::unreachable);
    auto successor = responder::open(folder / "s", "p", seven);
    CHECK(successor);
}

TEST_CASE("F54 a started program holds no responder", "[concurrent]") {
    const temporary_folder folder;
    child_process predecessor{[&](voice v) {
        auto door = opened(folder / "s");
        if (!door.run_in_thread()) {
            return;
        }
        const pid_t program = ::fork();
        if (program == 0) {
            ::execl("/bin/sleep", "sleep", "1000", nullptr);
        }
        v.say(std::to_string(program));
        hang();
    }};
    const auto program = static_cast<pid_t>(std::stoi(predecessor.line()));
    const killed_at_the_end program_ends{program};
    const auto runs = [&] {
        std::ifstream file{"/proc/" + std::to_string(program) + "/comm"};
        std::string name;
        return std::getline(file, name) && name == "sleep";
    };
    REQUIRE(eventually(runs));
    predecessor.kill_and_reap();
    CHECK(runs());
    // Nobody listens any more: told at once, however far the deadline.
    CHECK(call(folder / "s", 1h) == verdict::unreachable);
}

TEST_CASE("F54 descriptors of a responder are closed on exec and closed with it", "[concurrent]") {
    const temporary_folder folder;
    const auto before = open_descriptors();
    {
        auto door = opened(folder / "s");
        REQUIRE(door.run_in_thread());
        const auto during = open_descriptors();
        CHECK(during.size() > before.size());
        for (const int fd : during) {
            if (std::ranges::count(before, fd) == 0) {
                CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
            }
        }
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("F14 a thread that finds no descriptors tries again until there are some",
          "[concurrent]") {
    // With none allowed, it cannot even wait for events.
    const auto allowed = GENERATE(rlim_t{0}, rlim_t{3});
    const temporary_folder folder;
    const child_process child{[&](voice v) {
        sigset_t release{};
        ::sigemptyset(&release);
        ::sigaddset(&release, SIGUSR1);
        ::sigprocmask(SIG_BLOCK, &release, nullptr);
        // A sanitizer needs descriptors to look at the first thread of this kind.
        REQUIRE(opened(folder / "another").run_in_thread());
        auto door = opened(folder / "s");
        v.say(std::string{"opened"});
        (void)readable(door.descriptor(), 30'000);
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        const rlimit none{allowed, files.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
        v.say(std::string{door.run_in_thread() ? "runs" : "does not"});
        int which = 0;
        ::sigwait(&release, &which);
        ::setrlimit(RLIMIT_NOFILE, &files);
        hang();
    }};
    REQUIRE(child.line() == "opened");
    const int caller = connect_to(folder / "s");
    REQUIRE(caller >= 0);
    REQUIRE(child.line() == "runs");
    const auto pauses = [&] {
        long count = 0;
        const auto tasks = "/proc/" + std::to_string(child.pid()) + "/task";
        for (const auto& task : std::filesystem::directory_iterator{tasks}) {
            std::ifstream status{task.path() / "status"};
            for (std::string word; status >> word;) {
                if (word == "voluntary_ctxt_switches:" && status >> word) {
                    count += std::stol(word);
                }
            }
        }
        return count;
    };
    const auto before = pauses();
    CHECK(eventually([&] { return pauses() > before + 3; }));
    CHECK_FALSE(readable(caller));
    child.send(SIGUSR1);
    CHECK(readable(caller, 30'000));
    char first = 0;
    CHECK((::read(caller, &first, 1) == 1 && first == 'p'));
    ::close(caller);
}

TEST_CASE("F53 who listens outside of this pid namespace is not taken for dead") {
    const temporary_folder folder;
    const plain_socket listening{folder / "s"};
    const child_process child{[&](voice v) {
        if (::unshare(CLONE_NEWPID) != 0) {
            v.say(std::string{"refused"});
            return;
        }
        const child_process inside{[&](voice) {
            const auto door = responder::open(folder / "s", "p", seven);
            v.say(std::string{door ? "replaced" : to_string(door.error().category)});
        }};
        inside.await_exit();
    }};
    const auto said = child.line();
    if (said == "refused") {
        PODSCOPE_SKIP("may make no pid namespace");
    }
    CHECK(said == "already_live");
    CHECK(std::filesystem::exists(folder / "s"));
}
