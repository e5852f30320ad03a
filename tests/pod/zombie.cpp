// SPDX-License-Identifier: BSL-1.0
// A process that is stopped, loses what it holds while it stands still, and goes on: F21 with
// nothing made up. Each of the two that hold the scope one after the other is a process of its own
// with a runtime of its own, so only stores that several processes share are played with; the laws
// have the same for the others, within one process.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/results.hpp"
#include "support/split_configuration.hpp"
#include "support/sqlite_configuration.hpp"
#include "support/stored_state.hpp"
#include "support/talking_process.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/files/scoped_files.hpp>
#include <podscope/pod/permit.hpp>
#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/responder.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::epoch;
using podscope::errc;
using podscope::permit;

// A crew's parts, so that the library is compiled once for them and for the laws.
template <class Backend>
using parts_on = typename crew<Backend, any_probe, any_sink>::parts;

// Outside the test's own process no check of Catch's counts.
template <class T>
T got(podscope::result<T>&& given) {
    if (!given) {
        throw std::runtime_error{to_string(given.error())};
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*given);
    }
}

// The default probe, and the process that runs it, as a program has them that names neither.
template <class Backend>
podscope::basic_runtime<parts_on<Backend>> runtime_on(const Backend& backend) {
    return podscope::basic_runtime<parts_on<Backend>>{{backend.open(),
                                                       backend.open_sessions(),
                                                       any_probe::of(podscope::default_probe{}),
                                                       any_sink::of(podscope::queue_sink{}),
                                                       {},
                                                       {},
                                                       {},
                                                       {got(podscope::calling_process{}.self())}}};
}

template <class T>
std::string said(const podscope::result<T>& given) {
    return given ? "done" : to_string(given.error());
}

// A program that holds a pod: it answers at a socket in a thread, and works on a file in its scope.
template <class Backend>
class holder_program {
public:
    holder_program(const Backend& backend, const std::string& root, std::string socket)
        : library_{runtime_on(backend)},
          root_{root},
          socket_{std::move(socket)} {}

    ~holder_program() { rest(); }

    // What it was told to do, done.
    [[nodiscard]] std::string obey(const std::string& told) {
        try {
            const auto space = told.find(' ');
            const auto what = told.substr(0, space);
            const auto with = space == std::string::npos ? "" : told.substr(space + 1);
            if (what == "adopt") {
                return adopt(with);
            }
            if (what == "work") {
                worker_ = std::thread{[this] { work(); }};
                return "done";
            }
            if (what == "rest") {
                rest();
                return failure_.empty() ? "done" : failure_;
            }
            if (what == "worked") {
                return std::to_string(rounds_.load());
            }
            if (what == "leave") {
                pod_.reset();
                return "done";
            }
            return try_to(with);
        } catch (const std::exception& e) {
            return std::string{"error: "} + e.what();
        }
    }

private:
    std::string adopt(const std::string& text) {
        shown_ = got(podscope::grant::from_text(text));
        answers_ = got(podscope::responder::open(socket_, shown_.pod));
        pod_ = got(library_.adopt(shown_, {.endpoint = answers_->endpoint()}));
        got(answers_->announce(pod_->granted()));
        got(answers_->run_in_thread());
        permit_ = got(pod_->permit_for(file(), permission::write));
        return permit_.to_text();
    }

    [[nodiscard]] std::string file() const { return root_ + "/a/file"; }

    // Whoever owns a scope does this all the time and never fails.
    void work() {
        while (!resting_) {
            const auto done = one_round();
            if (!done && failure_.empty()) {
                failure_ = to_string(done.error());
            }
            ++rounds_;
        }
    }

    podscope::result<void> one_round() {
        if (auto may = pod_->check(file(), permission::write); !may) {
            return may;
        }
        if (auto valid = library_.validate(permit_); !valid) {
            return valid;
        }
        auto files = podscope::files::files_below(*pod_, root_);
        if (!files) {
            return fail(files);
        }
        auto opened = files->open("a/file", O_WRONLY | O_CREAT | O_APPEND);
        if (!opened) {
            return fail(opened);
        }
        const auto line = shown_.pod + '/' + std::to_string(::getpid()) + '\n';
        if (::write(opened->get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
            return podscope::fail({.category = errc::io, .message = "a short write"});
        }
        return {};
    }

    void rest() {
        resting_ = true;
        if (worker_.joinable()) {
            worker_.join();
        }
        resting_ = false;
    }

    // Everything by which it could go on as if nothing had happened.
    std::string try_to(const std::string& what) {
        const auto files = got(podscope::files::files_below(*pod_, root_));
        auto& pod = *pod_;
        if (what == "check") {
            return said(pod.check(file(), permission::write));
        }
        if (what == "read") {
            return said(pod.check(file(), permission::read));
        }
        if (what == "explain") {
            return said(pod.explain(file()));
        }
        if (what == "adopt") {
            return said(library_.adopt(shown_));
        }
        // The library has no call named renew: an epoch is renewed by a restore.
        if (what == "renew") {
            return said(library_.restore(shown_.pod));
        }
        if (what == "update") {
            return said(pod.set_endpoint(answers_->endpoint()));
        }
        if (what == "switch") {
            return said(pod.switch_segment(must(pod.segment())));
        }
        if (what == "append") {
            return said(pod.append({.kind = "late"}));
        }
        if (what == "delegate") {
            return said(pod.delegate(writer("late", root_ + "/a/x")));
        }
        if (what == "reclaim") {
            return said(pod.reclaim("late"));
        }
        if (what == "reconcile") {
            return said(pod.reconcile());
        }
        if (what == "release") {
            return said(pod.release());
        }
        if (what == "open") {
            return said(files.open("a/file", O_WRONLY | O_CREAT | O_APPEND));
        }
        if (what == "truncate") {
            return said(files.open("a/file", O_RDWR | O_TRUNC));
        }
        if (what == "open to read") {
            return said(files.open("a/file", O_RDONLY));
        }
        if (what == "make a folder") {
            return said(files.make_folder("a/late"));
        }
        if (what == "rename") {
            return said(files.rename("a/file", "a/late"));
        }
        if (what == "remove") {
            return said(files.remove("a/file"));
        }
        if (what == "permit") {
            return said(pod.permit_for(file(), permission::write));
        }
        if (what == "validate") {
            return said(library_.validate(permit_));
        }
        return "error: what?";
    }

    podscope::basic_runtime<parts_on<Backend>> library_;
    std::string root_;
    std::string socket_;
    podscope::grant shown_{};
    std::optional<podscope::responder> answers_{};
    std::optional<podscope::basic_pod<parts_on<Backend>>> pod_{};
    permit permit_{};
    std::thread worker_{};
    std::string failure_{};
    std::atomic<bool> resting_{false};
    std::atomic<std::uint64_t> rounds_{0};
};

// Forked before anybody has the store open.
template <class Backend>
class holding_process : public talking_process {
public:
    holding_process(const Backend& backend, const std::string& root, const std::string& socket)
        : talking_process{[&](line_to_test line) {
              return serve_by<holder_program<Backend>>(line, backend, root, socket);
          }} {}

    [[nodiscard]] permit adopt(const podscope::grant& shown) const {
        const auto answer = ask("adopt " + shown.to_text());
        CAPTURE(answer);
        return must(permit::from_text(answer));
    }
};

template <class Process>
void wait_for_another_round(const Process& process) {
    const auto before = std::stoull(process.ask("worked"));
    for (const auto until = std::chrono::steady_clock::now() + patience;
         std::stoull(process.ask("worked")) < before + 2;) {
        REQUIRE(std::chrono::steady_clock::now() < until);
    }
}

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file{path};
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string epoch_text(epoch granted) {
    return "epoch " + std::to_string(static_cast<std::uint64_t>(granted));
}

using shared_by_processes = std::tuple<in_journal, in_sqlite, in_two>;

} // namespace

TEMPLATE_LIST_TEST_CASE(
    "I7 F21 F56 a zombie writer is refused everything, and the new owner never notices",
    "[pod]",
    shared_by_processes) {
    // Whether its name is the new owner's, too.
    const bool same_name = GENERATE(false, true);
    CAPTURE(TestType::name, same_name);
    const TestType backend;
    const temporary_folder root;
    const temporary_folder sockets;
    std::filesystem::create_directory(root / "a");
    holding_process<TestType> zombie{backend, root.path(), sockets / "zombie"};
    const holding_process<TestType> owner{backend, root.path(), sockets / "owner"};

    auto library = runtime_on(backend);
    auto planner = must(library.create(writer("planner", root.path())));
    const auto lost = must(planner.delegate(writer("child", root / "a")));
    const auto old_permit = zombie.adopt(lost);
    must(library.validate(old_permit));
    CHECK(zombie.ask("work") == "done");
    wait_for_another_round(zombie);
    CHECK(zombie.ask("rest") == "done");
    CHECK_FALSE(must(planner.reconcile(patience)).changed());

    zombie.stop();
    const auto report = must(planner.reconcile(impatience));
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "child");
    CHECK(report.ended.front().granted == lost.granted);
    CHECK(report.ended.front().reason == end_reason::unreachable);

    const std::string heir = same_name ? "child" : "heir";
    const auto next = must(planner.delegate(writer(heir, root / "a")));
    CHECK(next.granted > lost.granted);
    std::filesystem::remove(root / "a/file");
    const auto new_permit = owner.adopt(next);
    CHECK(owner.ask("work") == "done");
    wait_for_another_round(owner);
    auto store = backend.open();
    const stored_state before{store};

    zombie.resume();
    const std::vector<std::pair<std::string, errc>> tries{
        {"check", errc::revoked},
        {"read", errc::revoked},
        {"explain", errc::revoked},
        {"adopt", errc::stale_epoch},
        {"renew", same_name ? errc::already_live : errc::stale_epoch},
        {"update", errc::revoked},
        {"switch", errc::revoked},
        {"append", errc::revoked},
        {"delegate", errc::revoked},
        {"reclaim", errc::revoked},
        {"reconcile", errc::revoked},
        {"release", errc::revoked},
        {"open", errc::revoked},
        {"truncate", errc::revoked},
        {"open to read", errc::revoked},
        {"make a folder", errc::revoked},
        {"rename", errc::revoked},
        {"remove", errc::revoked},
        {"permit", errc::revoked},
        {"validate", errc::revoked},
    };
    for (const auto& [what, why] : tries) {
        const auto answer = zombie.ask("try " + what);
        CAPTURE(what, answer);
        CHECK(answer.starts_with(std::string{to_string(why)} + ": "));
        CHECK(answer.find("'child'") != std::string::npos);
        // A restore shows no grant: it is told who holds the pod.
        if (why != errc::already_live) {
            CHECK(answer.find(epoch_text(lost.granted)) != std::string::npos);
        }
        if (same_name && why != errc::stale_epoch) {
            CHECK(answer.find(epoch_text(next.granted)) != std::string::npos);
        }
        CHECK(stored_state{store} == before);
    }
    const auto refused = error_of(library.validate(old_permit));
    CHECK(refused.category == errc::revoked);
    CHECK(refused.subject == "child");
    CHECK(refused.shown == lost.granted);
    CHECK(refused.current == (same_name ? std::optional{next.granted} : std::nullopt));

    // Nor by going.
    CHECK(zombie.ask("leave") == "done");
    CHECK(stored_state{store} == before);
    wait_for_another_round(owner);
    CHECK(owner.ask("rest") == "done");
    must(library.validate(new_permit));
    const auto lines = lines_of(root / "a/file");
    CHECK(std::ranges::count(lines, heir + '/' + std::to_string(owner.pid())) == std::ssize(lines));
    CHECK(lines.size() == std::stoull(owner.ask("worked")));
    CHECK(std::distance(std::filesystem::directory_iterator{root / "a"}, {}) == 1);
    const auto writes_there = must(library.who(root / "a/file"));
    REQUIRE(writes_there);
    CHECK(writes_there->owner.pod == heir);
    CHECK_FALSE(must(planner.reconcile(patience)).changed());
    CHECK(stored_state{store} == before);
}
