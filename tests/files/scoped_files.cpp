// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/forked.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/files/scoped_files.hpp>
#include <podscope/podscope.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace podscope_test;
using namespace podscope;
using podscope::files::by_kernel;
using podscope::files::by_kernel_or_walk;
using podscope::files::by_walk;
using podscope::files::files_below;
using podscope::files::scoped_files;

namespace {

void put(const std::string& path, std::string_view text = "here") {
    std::ofstream{path} << text << '\n';
}

std::string content(const std::string& path) {
    std::string text;
    std::getline(std::ifstream{path}, text);
    return text;
}

bool is_there(const std::string& path) {
    return std::filesystem::exists(std::filesystem::symlink_status(path));
}

auto runtime_in_memory() {
    return make_runtime(use::backend(basic_memory<pod_schema>{}), use::sessions(memory_sessions{}));
}

// ws/mine and ws/theirs, each with a file and a folder, and a pod that may write the one and read
// the other.
struct scene {
    scene() {
        for (const auto* part : {"mine", "theirs"}) {
            std::filesystem::create_directories(root / part + "/folder");
            put(root / part + "/file");
            put(root / part + "/folder/file");
        }
    }

    temporary_folder root{};
    decltype(runtime_in_memory()) world = runtime_in_memory();
    basic_pod<std::remove_cvref_t<decltype(world.parts())>> pod = must(world.create(
        manifest{"coder"}.may(rules::write(root / "mine")).may(rules::read(root / "theirs"))));
};

int write_flags() {
    return O_WRONLY | O_CREAT;
}

// A pod that something happens behind, at the moment when it is asked.
struct interrupted_pod {
    scope allowed{};
    std::function<void()> meanwhile{};

    [[nodiscard]] std::string name() const { return "interrupted"; }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, const scope&> with_scope(F&& body) const {
        if (meanwhile) {
            meanwhile();
        }
        return body(allowed);
    }
};

interrupted_pod who_may_write(const std::string& path) {
    return {.allowed = scope{{{must(lexical_path{}.resolve(path)), permission::write}}}};
}

} // namespace

TEMPLATE_TEST_CASE("Files are opened, made, moved and removed within the scope",
                   "[files]",
                   by_kernel_or_walk,
                   by_walk) {
    const scene s;
    const auto files = must(files_below<TestType>(s.pod, s.root.path()));
    const auto made = must(files.open("mine/new", O_WRONLY | O_CREAT | O_EXCL, 0640));
    CHECK((::fcntl(made.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(::write(made.get(), "text\n", 5) == 5);
    CHECK(content(s.root / "mine/new") == "text");
    CHECK(error_of(files.open("mine/new", O_WRONLY | O_CREAT | O_EXCL)).system ==
          std::errc::file_exists);
    must(files.open("mine/folder/../new", O_RDWR | O_TRUNC));
    CHECK(std::filesystem::file_size(s.root / "mine/new") == 0);

    must(files.make_folder("mine/made/"));
    CHECK(error_of(files.make_folder("mine/made")).system == std::errc::file_exists);
    must(files.rename("mine/new", "mine/made/moved"));
    CHECK(is_there(s.root / "mine/made/moved"));
    must(files.rename("mine/made", "mine/renamed"));
    CHECK(error_of(files.remove("mine/renamed")).system == std::errc::directory_not_empty);
    must(files.remove("mine/renamed/moved"));
    must(files.remove("mine/renamed"));
    CHECK_FALSE(is_there(s.root / "mine/renamed"));

    must(files.open("theirs/file", O_RDONLY));
    must(files.open("theirs/folder", O_RDONLY | O_DIRECTORY));
    must(files.open("theirs/folder/.", O_RDONLY | O_DIRECTORY));
    must(files.open("theirs/folder/..", O_RDONLY | O_DIRECTORY));
    CHECK(error_of(files.open("mine/none/file", O_RDONLY)).system ==
          std::errc::no_such_file_or_directory);
}

TEST_CASE("What is opened to be read is not emptied, and nothing is made for that", "[files]") {
    const scene s;
    const auto files = must(files_below(s.pod, s.root.path()));
    CHECK(error_of(files.open("mine/file", O_RDONLY | O_TRUNC)).system ==
          std::errc::invalid_argument);
    CHECK(content(s.root / "mine/file") == "here");
    CHECK(error_of(files.open("mine/new", O_RDONLY | O_CREAT | O_TRUNC)).system ==
          std::errc::invalid_argument);
    CHECK_FALSE(is_there(s.root / "mine/new"));
}

TEST_CASE("F37 a file whose name looks like the kernel's remark is opened", "[files]") {
    const scene s;
    const auto files = must(files_below(s.pod, s.root.path()));
    must(files.open("mine/file (deleted)", write_flags()));
    must(files.make_folder("mine/folder (deleted)"));
    must(files.open("mine/folder (deleted)/file", write_flags()));
    must(files.remove("mine/file (deleted)"));
}

TEMPLATE_TEST_CASE("What the scope does not allow is denied and not done",
                   "[files]",
                   by_kernel_or_walk,
                   by_walk) {
    const scene s;
    const auto files = must(files_below<TestType>(s.pod, s.root.path()));
    for (const int flags : {O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_RDONLY | O_CREAT}) {
        CHECK(why_not(files.open("theirs/file", flags)) == errc::denied);
        CHECK(why_not(files.open("mine/../theirs/file", flags)) == errc::denied);
    }
    CHECK(why_not(files.open("theirs/new", write_flags())) == errc::denied);
    CHECK(why_not(files.make_folder("theirs/made")) == errc::denied);
    CHECK(why_not(files.remove("theirs/file")) == errc::denied);
    CHECK(why_not(files.rename("theirs/file", "mine/stolen")) == errc::denied);
    CHECK(why_not(files.rename("mine/file", "theirs/file")) == errc::denied);
    CHECK(why_not(files.open(".", O_RDONLY | O_DIRECTORY)) == errc::denied);
    CHECK(content(s.root / "theirs/file") == "here");
    CHECK(content(s.root / "mine/file") == "here");
    CHECK_FALSE(is_there(s.root / "theirs/made"));
    const auto why = error_of(files.open("theirs/file", O_WRONLY));
    CHECK(why.message.find("'coder' may not write " + (s.root / "theirs/file")) !=
          std::string::npos);

    for (const int flags : {O_PATH, O_TMPFILE | O_RDWR}) {
        CHECK(error_of(files.open("mine/folder", flags)).system == std::errc::invalid_argument);
    }
}

TEMPLATE_TEST_CASE("F37 no link and no dots lead scoped files elsewhere",
                   "[files]",
                   by_kernel_or_walk,
                   by_walk) {
    const scene s;
    const auto mine = must(files_below<TestType>(s.pod, s.root / "mine"));
    std::filesystem::create_directory_symlink("../theirs", s.root / "mine/out");
    std::filesystem::create_symlink("../theirs/file", s.root / "mine/out-file");
    std::filesystem::create_symlink("../theirs/none", s.root / "mine/out-none");
    std::filesystem::create_symlink("file", s.root / "mine/within");
    std::filesystem::create_symlink("/proc/self/fd/0", s.root / "mine/magic");
    for (const auto* path :
         {"../theirs/file", "folder/../../theirs/file", "out/file", "out-file", "out-none",
          "within", "magic", "", "/etc/passwd", "file/x", "out/.."}) {
        CAPTURE(path);
        CHECK(why_not(mine.open(path, write_flags())) == errc::invalid_target);
        CHECK(why_not(mine.open(path, O_RDONLY)) == errc::invalid_target);
    }
    CHECK(why_not(mine.open(std::string_view{"a\0b", 3}, O_RDONLY)) == errc::invalid_target);
    CHECK(why_not(mine.open(std::string(5000, 'a'), O_RDONLY)) == errc::invalid_target);
    CHECK(why_not(mine.make_folder("out/made")) == errc::invalid_target);
    CHECK(why_not(mine.remove("out/file")) == errc::invalid_target);
    CHECK(why_not(mine.rename("file", "out/stolen")) == errc::invalid_target);
    CHECK(why_not(mine.rename("out/file", "stolen")) == errc::invalid_target);
    for (const auto* path : {".", "folder/..", "folder/."}) {
        CHECK(why_not(mine.remove(path)) == errc::invalid_target);
        CHECK(why_not(mine.make_folder(path)) == errc::invalid_target);
    }
    std::filesystem::create_directory_symlink("folder", s.root / "mine/inside");
    CHECK(why_not(mine.open("inside/file", O_RDONLY)) == errc::invalid_target);
    CHECK(why_not(mine.open("inside/new", write_flags())) == errc::invalid_target);
    CHECK(content(s.root / "theirs/file") == "here");
    CHECK(content(s.root / "mine/file") == "here");
    CHECK_FALSE(is_there(s.root / "theirs/none"));

    // A link itself is a name like any other.
    must(mine.rename("out-file", "renamed"));
    must(mine.remove("renamed"));
    must(mine.remove("out"));
    CHECK(is_there(s.root / "theirs/file"));
}

TEMPLATE_TEST_CASE("F37 a link that is swapped in again and again is never followed",
                   "[files]",
                   by_kernel_or_walk,
                   by_walk) {
    const scene s;
    const auto files = must(files_below<TestType>(s.pod, s.root.path()));
    const auto folder = s.root / "mine/folder";
    const auto link = s.root / "mine/link";
    std::filesystem::create_directory_symlink(s.root / "theirs/folder", link);
    std::atomic<bool> over{false};
    std::atomic<int> swaps{0};
    std::thread other{[&] {
        while (!over) {
            ::syscall(SYS_renameat2, AT_FDCWD, folder.c_str(), AT_FDCWD, link.c_str(),
                      2U /* RENAME_EXCHANGE */);
            ++swaps;
        }
    }};
    int opened = 0;
    int refused = 0;
    // Longer than that only where the other thread does not get to run.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    for (int i = 0;
         i < 4000 || ((opened == 0 || refused == 0) && std::chrono::steady_clock::now() < until);
         ++i) {
        const bool done = files.open("mine/folder/new", write_flags()).has_value();
        opened += done ? 1 : 0;
        refused += done ? 0 : 1;
        (void)files.open("mine/folder/file", O_WRONLY | O_TRUNC);
    }
    over = true;
    other.join();
    CAPTURE(swaps.load());
    CHECK(opened > 0);
    CHECK(refused > 0);
    CHECK(content(s.root / "theirs/folder/file") == "here");
    CHECK_FALSE(is_there(s.root / "theirs/folder/new"));
}

TEST_CASE("F37 a folder that becomes a link while the pod is asked is not followed", "[files]") {
    const scene s;
    auto pod = who_may_write(s.root / "mine");
    const auto files = must(scoped_files<interrupted_pod>::below(pod, s.root.path()));
    pod.meanwhile = [&] {
        std::filesystem::rename(s.root / "mine/folder", s.root / "mine/was");
        std::filesystem::create_directory_symlink(s.root / "theirs/folder", s.root / "mine/folder");
    };
    // Within the scope all the while, under another name: the descriptor is good, but not what was
    // asked for.
    CHECK(why_not(files.open("mine/folder/file", O_WRONLY | O_TRUNC)) == errc::invalid_target);
    CHECK(content(s.root / "theirs/folder/file") == "here");
    CHECK(content(s.root / "mine/was/file") == "here");
}

TEST_CASE("F37 what is moved out of the scope while the pod is asked is not touched", "[files]") {
    const scene s;
    auto pod = who_may_write(s.root / "mine");
    const auto files = must(scoped_files<interrupted_pod>::below(pod, s.root.path()));
    const auto back = [&] {
        std::filesystem::rename(s.root / "theirs/taken", s.root / "mine/folder");
    };
    pod.meanwhile = [&] {
        std::filesystem::rename(s.root / "mine/folder", s.root / "theirs/taken");
    };
    CHECK(why_not(files.open("mine/folder/file", O_WRONLY | O_TRUNC)) == errc::invalid_target);
    CHECK(content(s.root / "theirs/taken/file") == "here");
    back();
    CHECK(why_not(files.make_folder("mine/folder/made")) == errc::invalid_target);
    CHECK_FALSE(is_there(s.root / "theirs/taken/made"));
    back();
    CHECK(why_not(files.remove("mine/folder/file")) == errc::invalid_target);
    CHECK(is_there(s.root / "theirs/taken/file"));
    back();
    // At the question about either name.
    for (const int question : {1, 2}) {
        int asked = 0;
        pod.meanwhile = [&] {
            if (++asked == question) {
                std::filesystem::rename(s.root / "mine/folder", s.root / "theirs/taken");
            }
        };
        CHECK(why_not(files.rename("mine/folder/file", "mine/moved")) == errc::invalid_target);
        CHECK(is_there(s.root / "theirs/taken/file"));
        CHECK_FALSE(is_there(s.root / "mine/moved"));
        if (question == 1) {
            back();
        }
    }
    pod.meanwhile = {};

    // Carried off before the pod is asked, it is asked about where it is.
    CHECK(error_of(files.open("mine/folder/file", O_WRONLY)).system ==
          std::errc::no_such_file_or_directory);
    CHECK(why_not(files.open("theirs/taken/file", O_WRONLY)) == errc::denied);
}

TEST_CASE("A folder is moved only if all that is below both names is the pod's", "[files]") {
    scene s;
    const auto files = must(files_below(s.pod, s.root.path()));
    std::filesystem::create_directories(s.root / "mine/src/parser");
    (void)must(s.pod.delegate(manifest{"helper"}.may(rules::write(s.root / "mine/src/parser"))));
    CHECK(why_not(files.rename("mine/src", "mine/moved")) == errc::denied);
    CHECK(why_not(files.rename("mine/src/parser", "mine/moved")) == errc::denied);
    std::filesystem::remove(s.root / "mine/src/parser");
    std::filesystem::remove(s.root / "mine/src");
    CHECK(why_not(files.rename("mine/folder", "mine/src")) == errc::denied);
    must(files.rename("mine/file", "mine/src"));
    must(files.rename("mine/folder", "mine/moved"));
    CHECK(why_not(files.remove("mine/src/parser")) == errc::invalid_target);
}

TEST_CASE("I7 who lost its scope opens, makes, moves and removes nothing", "[files]") {
    scene s;
    std::filesystem::create_directories(s.root / "mine/part");
    put(s.root / "mine/part/file");
    const auto granted =
        must(s.pod.delegate(manifest{"helper"}.may(rules::write(s.root / "mine/part"))));
    auto helper = must(s.world.adopt(granted));
    const auto files = must(files_below(helper, s.root / "mine/part"));
    must(files.open("file", O_WRONLY));
    CHECK(why_not(must(files_below(s.pod, s.root.path())).open("mine/part/file", O_WRONLY)) ==
          errc::denied);
    (void)must(s.pod.reclaim("helper"));
    CHECK(why_not(files.open("file", O_WRONLY)) == errc::revoked);
    CHECK(why_not(files.open("file", O_RDONLY)) == errc::revoked);
    CHECK(why_not(files.open("new", write_flags())) == errc::revoked);
    CHECK(why_not(files.make_folder("new")) == errc::revoked);
    CHECK(why_not(files.rename("file", "new")) == errc::revoked);
    CHECK(why_not(files.remove("file")) == errc::revoked);
    CHECK(content(s.root / "mine/part/file") == "here");
    CHECK_FALSE(is_there(s.root / "mine/part/new"));
    must(must(files_below(s.pod, s.root.path())).open("mine/part/file", O_WRONLY));
}

TEST_CASE("F27 of two children that had one rule after the other the first opens nothing",
          "[files]") {
    scene s;
    const auto part = [&](const char* name) {
        return manifest{name}.may(rules::write(s.root / "mine/folder"));
    };
    auto first = must(s.world.adopt(must(s.pod.delegate(part("first")))));
    (void)must(s.pod.reclaim("first"));
    auto second = must(s.world.adopt(must(s.pod.delegate(part("second")))));
    (void)must(s.pod.reclaim("first")); // late, once more
    CHECK(why_not(must(files_below(first, s.root.path())).open("mine/folder/file", O_WRONLY)) ==
          errc::revoked);
    must(must(files_below(second, s.root.path())).open("mine/folder/file", O_WRONLY));
    CHECK(why_not(must(files_below(s.pod, s.root.path())).open("mine/folder/file", O_WRONLY)) ==
          errc::denied);
}

TEST_CASE("F22 a forked copy opens nothing for the pod", "[files]") {
    const scene s;
    const auto files = must(files_below(s.pod, s.root.path()));
    forked_process copy{[&] {
        const auto opened = files.open("mine/file", O_WRONLY | O_TRUNC);
        return !opened && opened.error().category == errc::forked ? 0 : 1;
    }};
    CHECK(copy.status() == 0);
    CHECK(content(s.root / "mine/file") == "here");
}

namespace {

// A process of its own that holds a pod and opens files for it when it is told to.
class worker {
public:
    worker(const std::string& state, const std::string& folder) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0 ||
            (pid_ = ::fork()) < 0) {
            throw std::runtime_error{"no worker"};
        }
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(ends[0]);
            ::_exit(work(ends[1], state, folder));
        }
        ::close(ends[1]);
        line_ = ends[0];
    }

    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    ~worker() {
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
        ::close(line_);
    }

    void say(const std::string& text) const {
        REQUIRE(::send(line_, text.data(), text.size(), MSG_NOSIGNAL) > 0);
    }

    [[nodiscard]] std::string hear() const {
        constexpr int patience_ms = 30'000;
        pollfd ready{line_, POLLIN, 0};
        REQUIRE(::poll(&ready, 1, patience_ms) == 1);
        return receive(line_);
    }

    [[nodiscard]] std::string ask(const std::string& text) const {
        say(text);
        return hear();
    }

    void stop() const {
        ::kill(pid_, SIGSTOP);
        int status{};
        REQUIRE(::waitpid(pid_, &status, WUNTRACED) == pid_);
        REQUIRE(WIFSTOPPED(status));
    }

    void resume() const { ::kill(pid_, SIGCONT); }

private:
    static std::string receive(int line) {
        std::array<char, 4096> text{};
        const auto length = ::recv(line, text.data(), text.size(), 0);
        return length > 0 ? std::string{text.data(), static_cast<std::size_t>(length)} : "";
    }

    static void answer(int line, const result<void>& how) {
        const std::string text{how ? "done" : to_string(how.error().category)};
        if (::send(line, text.data(), text.size(), MSG_NOSIGNAL) < 0) {
            ::_exit(98);
        }
    }

    // The grant first, then names of files to write its pod's name into.
    static int work(int line, const std::string& state, const std::string& folder) {
        auto world = open_runtime(state);
        auto granted = grant::from_text(receive(line));
        if (!world || !granted) {
            return 1;
        }
        auto pod = world->adopt(*granted);
        if (!pod) {
            return 2;
        }
        const auto files = files_below(*pod, folder);
        if (!files) {
            return 3;
        }
        answer(line, {});
        for (;;) {
            const auto path = receive(line);
            if (path.empty()) {
                return 0;
            }
            auto opened = files->open(path, O_WRONLY | O_CREAT | O_TRUNC);
            if (!opened) {
                answer(line, fail(opened));
                continue;
            }
            const auto name = pod->name() + "\n";
            const bool written = ::write(opened->get(), name.data(), name.size()) > 0;
            answer(line, written ? result<void>{} : fail({.category = errc::io}));
        }
    }

    pid_t pid_{-1};
    int line_{-1};
};

} // namespace

TEST_CASE("F21 a zombie writer's next scoped open is refused, and its heir never notices",
          "[files]") {
    const temporary_folder root;
    std::filesystem::create_directories(root / "ws/part");
    // Before this process has a runtime, which a fork must not copy.
    const worker zombie{root / "state", root / "ws/part"};
    const worker heir{root / "state", root / "ws/part"};
    auto world = must(open_runtime(root / "state"));
    auto planner = must(world.create(manifest{"planner"}.may(rules::write(root / "ws"))));
    const auto part = [&](const char* name) {
        return manifest{name}.may(rules::write(root / "ws/part"));
    };
    REQUIRE(zombie.ask(must(planner.delegate(part("zombie"))).to_text()) == "done");
    REQUIRE(zombie.ask("file") == "done");
    CHECK(content(root / "ws/part/file") == "zombie");

    zombie.stop();
    zombie.say("file");
    (void)must(planner.reclaim("zombie"));
    REQUIRE(heir.ask(must(planner.delegate(part("heir"))).to_text()) == "done");
    REQUIRE(heir.ask("file") == "done");
    zombie.resume();
    CHECK(zombie.hear() == "revoked");
    CHECK(zombie.ask("new") == "revoked");
    CHECK(content(root / "ws/part/file") == "heir");
    CHECK_FALSE(is_there(root / "ws/part/new"));
    CHECK(heir.ask("file") == "done");
}

TEST_CASE("F25 whose grandchild lives on opens nothing in that one's region", "[files]") {
    const temporary_folder root;
    std::filesystem::create_directories(root / "ws/src/parser");
    const worker grandchild{root / "state", root / "ws"};
    auto world = must(open_runtime(root / "state"));
    auto planner = must(world.create(manifest{"planner"}.may(rules::write(root / "ws"))));
    {
        auto coder = must(world.adopt(
            must(planner.delegate(manifest{"coder"}.may(rules::write(root / "ws/src"))))));
        REQUIRE(grandchild.ask(must(coder.delegate(manifest{"helper"}.may(
                                        rules::write(root / "ws/src/parser"))))
                                   .to_text()) == "done");
    } // and is gone
    (void)must(planner.reconcile());
    const auto files = must(files_below(planner, root / "ws"));
    must(files.open("src/mine", write_flags()));
    CHECK(why_not(files.open("src/parser/mine", write_flags())) == errc::denied);
    CHECK(why_not(files.rename("src", "moved")) == errc::denied);
    CHECK(grandchild.ask("src/parser/its") == "done");
    CHECK(grandchild.ask("src/mine") == "denied");
}

TEST_CASE("What is no file with contents is opened without being emptied", "[files]") {
    const scene s;
    REQUIRE(::mkfifo((s.root / "mine/fifo").c_str(), 0600) == 0);
    const auto files = must(files_below(s.pod, s.root.path()));
    CHECK(must(files.open("mine/fifo", O_RDWR | O_TRUNC | O_NONBLOCK)));
}

TEST_CASE("F35 no file is reached or moved where its path would be too long", "[files]") {
    const scene s;
    std::string deep = s.root / "mine";
    while (deep.size() < 3'950) {
        deep += '/' + std::string(std::min<std::size_t>(200, 3'960 - deep.size()), 'd');
    }
    std::filesystem::create_directories(deep);
    const std::string name(200, 'n');
    const auto files = must(files_below(s.pod, deep));
    CHECK(must(files.open("short", write_flags())));
    for (const auto& refused : {error_of(files.open(name, write_flags())),
                                error_of(files.make_folder(name)), error_of(files.remove(name))}) {
        CHECK(refused.category == errc::invalid_target);
        CHECK(refused.message.find("4095 bytes") != std::string::npos);
    }

    auto pod = who_may_write(s.root / "mine");
    const auto below = must(scoped_files<interrupted_pod>::below(pod, s.root.path()));
    pod.meanwhile = [&] { std::filesystem::rename(s.root / "mine/folder", deep + "/folder"); };
    CHECK(why_not(below.make_folder("mine/folder/" + name)) == errc::invalid_target);
    CHECK(std::filesystem::exists(deep + "/folder/file"));
    std::filesystem::rename(deep + "/folder", s.root / "mine/folder");
    CHECK_FALSE(is_there(s.root / "mine/folder/" + name));
}

TEST_CASE("Without a proc no file is reached, and the error says that it is missing", "[files]") {
    const scene s;
    constexpr int may_not_mount = 77;
    forked_process without{[&] {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) {
            return may_not_mount;
        }
        auto pod = who_may_write(s.root / "mine");
        const auto here = scoped_files<interrupted_pod>::below(pod, s.root.path());
        const auto refused = here ? here->make_folder("mine/made") : result<void>{};
        return !refused && refused.error().category == errc::io &&
                       refused.error().system == std::errc::no_such_file_or_directory
                   ? 0
                   : 1;
    }};
    const int status = without.status();
    if (WIFEXITED(status) && WEXITSTATUS(status) == may_not_mount) {
        PODSCOPE_SKIP("may not mount");
    }
    CHECK(status == 0);
    CHECK_FALSE(is_there(s.root / "mine/made"));
}
