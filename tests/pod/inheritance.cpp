// SPDX-License-Identifier: BSL-1.0
// What a program that a pod's holder starts has of the holder's: nothing.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"

#include <podscope/files/scoped_files.hpp>
#if __has_include(<lmdb.h>)
#include <podscope/backend/lmdb.hpp>
#endif
#if __has_include(<sqlite3.h>)
#include "support/sqlite_configuration.hpp"
#endif

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <tuple>

#include <fcntl.h>
#include <spawn.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

using namespace podscope_test;

#if __has_include(<lmdb.h>)
struct in_lmdb {
    using store = podscope::lmdb_store<podscope::durability::process>;
    using sessions = podscope::file_sessions;

    [[nodiscard]] store open() const {
        return must(podscope::open_lmdb_store<podscope::durability::process>(folder / "store"));
    }

    [[nodiscard]] sessions open_sessions() const {
        return must(sessions::open(folder / "sessions"));
    }

    temporary_folder folder{};
};
#endif

using on_files = std::tuple<in_journal
#if __has_include(<lmdb.h>)
                            ,
                            in_lmdb
#endif
#if __has_include(<sqlite3.h>)
                            ,
                            in_sqlite
#endif
                            >;

// Starts a program that does nothing until it is killed.
pid_t start_program() {
    std::string name = "sleep";
    std::string seconds = "1000";
    const std::array<char*, 3> arguments{name.data(), seconds.data(), nullptr};
    pid_t pid{};
    const int code = ::posix_spawn(&pid, "/bin/sleep", nullptr, nullptr, arguments.data(), environ);
    return code == 0 ? pid : -1;
}

// One that was started by a process which may be gone by the end of it.
class program {
public:
    explicit program(pid_t pid) : pid_{pid} {}

    program(const program&) = delete;
    program& operator=(const program&) = delete;

    ~program() { ::kill(pid_, SIGKILL); }

    [[nodiscard]] bool runs() const {
        std::ifstream file{of_process() + "/comm"};
        std::string name;
        return std::getline(file, name) && name == "sleep" && !descriptors().empty();
    }

    // What each of its descriptors is of.
    [[nodiscard]] std::map<std::string, std::string> descriptors() const {
        std::map<std::string, std::string> all;
        std::error_code gone;
        for (const auto& one : std::filesystem::directory_iterator{of_process() + "/fd", gone}) {
            all[one.path().filename()] = std::filesystem::read_symlink(one.path(), gone);
        }
        return all;
    }

private:
    [[nodiscard]] std::string of_process() const { return "/proc/" + std::to_string(pid_); }

    pid_t pid_;
};

// Holds a pod, with all open that one may have open, and starts a program before and after it has
// opened that: the second one while it commits, or while it does not.
template <class Backend>
class holder {
public:
    holder(const Backend& backend, bool commits)
        : process_{[&] {
              started_->before = start_program();
              hold(backend, commits);
              return 1;
          }} {}

    // The programs, once both are there.
    [[nodiscard]] pid_t before() const { return started(started_->before); }

    [[nodiscard]] pid_t after() const { return started(started_->after); }

    void kill() { process_.kill(); }

private:
    struct programs {
        std::atomic<pid_t> before{0};
        std::atomic<pid_t> after{0};
    };

    static pid_t started(const std::atomic<pid_t>& pid) {
        REQUIRE(eventually([&] { return pid != 0; }));
        REQUIRE(pid > 0);
        return pid;
    }

    void hold(const Backend& backend, bool commits) const {
        using parts = system_parts<Backend>;
        const std::string tree = backend.folder / "tree";
        std::filesystem::create_directory(tree);
        podscope::basic_runtime<parts> library{
            parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {}}};
        auto planner = must(library.create(writer("planner", tree)));
        must(planner.append({.kind = "begun"}));
        must(planner.check(tree + "/file", permission::write));
        const auto files = must(podscope::files::files_below(planner, tree));
        const auto file = must(files.open("file", O_RDWR | O_CREAT));
        const auto start_and_stay = [&]() -> podscope::result<void> {
            started_->after = start_program();
            for (;;) {
                ::pause();
            }
        };
        if (commits) {
            (void)library.parts().backend.write([&](auto& txn) -> podscope::result<void> {
                must(podscope::pod_store{txn}.next_epoch());
                return start_and_stay();
            });
        } else {
            (void)start_and_stay();
        }
    }

    shared<programs> started_;
    forked_process process_;
};

TEMPLATE_LIST_TEST_CASE("F54 a program that a holder starts has nothing of a pod's",
                        "[pod]",
                        on_files) {
    const bool commits = GENERATE(false, true);
    CAPTURE(commits);
    const TestType backend;
    holder<TestType> by{backend, commits};
    const program before{by.before()};
    const program after{by.after()};
    REQUIRE(eventually([&] { return before.runs() && after.runs(); }));
    // A program that starts has files open that it closes.
    CHECK(eventually([&] { return after.descriptors() == before.descriptors(); }));

    by.kill();
    REQUIRE(after.runs());
    using parts = system_parts<TestType>;
    podscope::basic_runtime<parts> library{
        parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {}}};
    const auto back = must(library.restore("planner"));
    must(back.pod.check(backend.folder / "tree/file", permission::write));
    CHECK(after.runs());
}

} // namespace
