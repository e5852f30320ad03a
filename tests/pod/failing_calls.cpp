// SPDX-License-Identifier: BSL-1.0
// Each system call of a pod's life fails once, over each store that has files: what fails says so,
// and what is left is whole and goes on.
#include "support/failing_calls.hpp"

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/effort.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"
#include "support/invariants.hpp"
#include "support/stored_state.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/lmdb.hpp>
#include <podscope/backend/sqlite.hpp>
#include <podscope/pod/open_runtime.hpp>
#include <podscope/pod/supervisor.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/pod/watcher.hpp>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace {

using namespace podscope_test;

struct journal {
    static auto open(const std::string& folder) { return podscope::journal_backend::open(folder); }
};

struct sqlite {
    static auto open(const std::string& folder) { return podscope::open_sqlite_store<>(folder); }
};

struct lmdb {
    static auto open(const std::string& folder) { return podscope::open_lmdb_store<>(folder); }
};

// Has no time, so that all that it was to be told of is still there afterwards.
struct busy_sink {
    [[nodiscard]] podscope::result<void> notify(const podscope::notification&) {
        return podscope::fail({.category = podscope::errc::unavailable, .message = "later"});
    }
};

constexpr int was_created = 0;
constexpr int was_not_created = 1;
constexpr int was_not_explained = 2;

/// The life of a pod and its child as far as it gets, in a process that ends then.
template <class Stores>
int lead_a_life(const std::string& at) {
    bool is_explained = true;
    const auto succeeds = [&](const auto& given) {
        is_explained = is_explained && (given || !given.error().message.empty());
        return given.has_value();
    };
    const auto until_the_end = [&] {
        auto store = Stores::open(at);
        if (!succeeds(store)) {
            return was_not_created;
        }
        auto library = podscope::open_runtime(at, podscope::use::backend(*store),
                                              podscope::use::sink(busy_sink{}));
        if (!succeeds(library)) {
            return was_not_created;
        }
        auto planner = library->create(writer("planner", "/ws"));
        if (!succeeds(planner)) {
            return was_not_created;
        }
        if (auto granted = planner->delegate(writer("child", "/ws/a"), patience);
            succeeds(granted)) {
            if (auto child = library->adopt(*granted); succeeds(child)) {
                (void)succeeds(child->check("/ws/a/f", permission::write));
                (void)succeeds(child->append({.kind = "note"}));
                (void)succeeds(child->release());
            }
        }
        (void)succeeds(planner->append({.kind = "note"}));
        (void)succeeds(planner->reconcile(patience));
        (void)succeeds(planner->check("/ws/a/f", permission::write));
        (void)succeeds(planner->replay(
            0, [](std::uint64_t, const podscope::session_entry&) { return podscope::scan::next; }));
        return was_created;
    };
    mark_deed();
    const int code = until_the_end();
    mark_deed();
    return is_explained ? code : was_not_explained;
}

/// What that life has left must be whole, and go on.
template <class Stores>
void take_over(const std::string& at, int code) {
    REQUIRE((code == was_created || code == was_not_created));
    auto store = must(Stores::open(at));
    CHECK(broken_invariants(stored_state{store}, crew_places(), {}, {}) ==
          std::vector<std::string>{});
    auto library = must(podscope::open_runtime(at, podscope::use::backend(store)));
    auto back = library.restore("planner", {.probe_time = patience});
    // What failed may have happened, but what succeeded has.
    if (!back && code == was_not_created) {
        CHECK(back.error().category == podscope::errc::unknown_pod);
        return;
    }
    auto pod = must(std::move(back)).pod;
    must(pod.reclaim("child"));
    must(pod.check("/ws/a/f", permission::write));
}

} // namespace

TEMPLATE_TEST_CASE("F09 F40 I10 a pod's life bears the failure of any system call",
                   "[pod][slow]",
                   journal,
                   sqlite,
                   lmdb) {
    PODSCOPE_NEEDS_PTRACE();
    for (const auto fails : {for_want, by_signal}) {
        std::optional<temporary_folder> folder{std::in_place};
        const auto calls = fail_each_call(
            fails, [&] { return lead_a_life<TestType>(*folder / "store"); },
            [&](int code) {
                take_over<TestType>(*folder / "store", code);
                folder.emplace();
            });
        CHECK(calls > (fails == by_signal ? 0 : 50));
    }
}

namespace {

// A planner, and a child of its that a process holds which is killed.
class orphaned_planner {
public:
    orphaned_planner() {
        const auto granted = must(pod_.delegate(writer("child", "/ws/a"), patience));
        int ready[2]{};
        REQUIRE(::pipe(ready) == 0);
        child_.emplace([&] {
            auto library = must(podscope::open_runtime(folder_ / "store"));
            const auto held = must(library.adopt(granted));
            (void)::write(ready[1], "x", 1);
            for (;;) {
                ::pause();
            }
            return 0;
        });
        char said{};
        REQUIRE(::read(ready[0], &said, 1) == 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }

    [[nodiscard]] auto& pod() noexcept { return pod_; }

    void kill_child() { child_->kill(); }

private:
    temporary_folder folder_{};
    podscope::runtime library_{must(podscope::open_runtime(folder_ / "store"))};
    podscope::runtime::pod pod_{must(library_.create(writer("planner", "/ws")))};
    std::optional<forked_process> child_{};
};

// Whether the watcher takes the child back, told of its death by nothing but its descriptor.
template <class Watcher>
bool takes_back(Watcher& by, std::size_t attempts) {
    pollfd ready{.fd = by.descriptor(), .events = POLLIN, .revents = 0};
    for (; attempts != 0 && ::poll(&ready, 1, 1'000) >= 0; --attempts) {
        if (const auto report = by.attend(); report && !report->ended.empty()) {
            return true;
        }
    }
    return false;
}

} // namespace

TEST_CASE("F09 F16 a death below a watched pod is dealt with though any call fails",
          "[pod][slow]") {
    PODSCOPE_NEEDS_PTRACE();
    const auto deed = [] {
        orphaned_planner team;
        mark_deed();
        auto watching = podscope::watch(team.pod());
        if (watching) {
            (void)watching->attend();
        }
        mark_deed();
        if (!watching && watching.error().message.empty()) {
            return 1;
        }
        team.kill_child();
        // Whom it cannot watch it leaves to a reconcile, as it is documented.
        const bool is_watched = watching && watching->size() == 1;
        if (is_watched && !takes_back(*watching, 1'000)) {
            return 2;
        }
        if (!is_watched && must(team.pod().reconcile(patience)).ended.size() != 1) {
            return 3;
        }
        return must(team.pod().check("/ws/a/f", permission::write)), 0;
    };
    CHECK(fail_each_call(for_want, deed) > 5);
    (void)fail_each_call(by_signal, deed);
}

TEST_CASE("F09 F40 a pod that has lost its log is restored, or as it was, though any call fails",
          "[pod]") {
    PODSCOPE_NEEDS_PTRACE();
    if (podscope_test::is_sanitised) {
        PODSCOPE_SKIP("a sanitizer makes system calls of its own");
    }
    const temporary_folder folder;
    const auto whole = folder / "whole";
    forked_process dies{[&] {
        auto library = must(podscope::open_runtime(whole));
        const auto pod = must(library.create(writer("planner", "/ws")));
        ::_exit(0); // without giving it back
        return 0;
    }};
    REQUIRE(dies.status() == 0);
    std::filesystem::remove_all(whole + "/sessions");
    const auto again = [&](auto& library) {
        return library.restore("planner", {.probe_time = patience, .replace_lost_segment = true});
    };
    const auto deed = [&] {
        const temporary_folder scratch;
        const auto at = scratch / "store";
        std::filesystem::copy(whole, at, std::filesystem::copy_options::recursive);
        auto library = must(podscope::open_runtime(at));
        mark_deed();
        auto back = again(library);
        mark_deed();
        if (!back && back.error().message.empty()) {
            return 1;
        }
        // A handle of the journal that is in doubt what lies on the disk is of no use any more.
        auto anew = must(podscope::open_runtime(at));
        auto pod = back ? std::move(back) : again(anew);
        return pod && pod->pod.append({.kind = "note"}) &&
                       pod->pod.check("/ws/f", permission::write)
                   ? 0
                   : 2;
    };
    CHECK(fail_each_call(for_want, deed) > 10);
}

TEST_CASE("F14 F16 a pod is supervised, or it is said that it is not, though any call fails",
          "[pod][concurrent][slow]") {
    PODSCOPE_NEEDS_PTRACE();
    const auto deed = [] {
        orphaned_planner team;
        std::atomic<bool> told{false};
        mark_deed();
        auto guard = podscope::supervise(
            team.pod(), [&](const auto& seen) { told = told || (seen && !seen->ended.empty()); },
            {.refresh = 1ms, .probe_every = 1ms});
        mark_deed();
        if (!guard) {
            return guard.error().message.empty() ? 1 : 0;
        }
        team.kill_child();
        return eventually([&] { return told.load(); }) ? 0 : 2;
    };
    CHECK(fail_each_call(for_want, deed) > 3);
}
