// SPDX-License-Identifier: BSL-1.0
// Real processes that want the same at the same moment, over one journal.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/effort.hpp"
#include "support/forked.hpp"

#include <podscope/sink/callback.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace podscope_test;
using podscope::errc;
namespace tables = podscope::tables;

// Sessions in memory, so that ten thousand pods do not leave as many files.
using parts = system_parts<in_journal, podscope::memory_sessions, any_sink>;
using runtime = podscope::basic_runtime<parts>;

runtime runtime_in(const in_journal& backend,
                   podscope::memory_sessions sessions = {},
                   any_sink sink = any_sink::of(podscope::queue_sink{})) {
    return runtime{parts{backend.open(), std::move(sessions), {}, std::move(sink), {}, {}, {}, {}}};
}

TEST_CASE("I1 of two processes that register overlapping scopes one wins each time",
          "[pod][slow]") {
    constexpr int most = 10'000;
    const int count = static_cast<int>(rounds("PODSCOPE_RACES", most));
    REQUIRE(count <= most);

    struct table {
        meeting_point point;
        std::array<std::atomic<int>, most> winners{};
        std::atomic<int> surprises{0};
    };

    const shared<table> game;
    game->point.expect(2);
    const in_journal backend;
    // Which of the two is the wider one changes, and so does whether they are equal.
    const auto place = [](unsigned number, int round) {
        const std::string base = "/ws/" + std::to_string(round % 7);
        return (round + static_cast<int>(number)) % 3 == 0 ? base + "/a" : base;
    };
    run_processes(2, [&](unsigned number) {
        auto library = runtime_in(backend);
        const std::string name = number == 0 ? "left" : "right";
        for (int round = 0; round != count; ++round) {
            game->point.wait();
            auto got = library.create(writer(name, place(number, round)), {.probe_time = patience});
            if (got) {
                game->winners[static_cast<std::size_t>(round)].fetch_add(1);
            } else if (got.error().category != errc::conflict) {
                game->surprises.fetch_add(1);
            }
            game->point.wait();
            if (got && !got->release()) {
                game->surprises.fetch_add(1);
            }
            game->point.wait();
        }
        return 0;
    });
    CHECK(game->surprises.load() == 0);
    const auto decided =
        std::ranges::count_if(game->winners, [](const auto& one) { return one.load() == 1; });
    CHECK(decided == count);
    auto store = backend.open();
    CHECK(stored_state{store}.of<tables::allocations>().empty());
    CHECK(stored_state{store}.of<tables::claims>().empty());
}

TEST_CASE("F31 of several processes that restore one name one succeeds", "[pod]") {
    constexpr int times = is_sanitised ? 2 : 10;

    struct table {
        meeting_point point;
        std::array<std::atomic<int>, times> winners{};
        std::atomic<int> others{0};
        std::atomic<int> surprises{0};
    };

    const in_journal backend;
    podscope::memory_sessions sessions;
    {
        auto library = runtime_in(backend, sessions);
        const auto planner = must(library.create(writer("planner", "/ws")));
        // Nobody's from here on.
    }
    for (unsigned count = 2; count <= 8; ++count) {
        CAPTURE(count);
        const shared<table> game;
        game->point.expect(count);
        for (std::size_t round = 0; round != times; ++round) {
            run_processes(count, [&](unsigned) -> int {
                auto library = runtime_in(backend, sessions);
                game->point.wait();
                auto got = library.restore("planner", {.probe_time = patience});
                if (got) {
                    game->winners[round].fetch_add(1);
                    if (!got->pod.check("/ws/f", permission::write)) {
                        game->surprises.fetch_add(1);
                    }
                } else if (got.error().category == errc::already_live) {
                    game->others.fetch_add(1);
                } else {
                    game->surprises.fetch_add(1);
                }
                // Nobody leaves before all have tried, and then all die without a word.
                game->point.wait();
                std::_Exit(0);
            });
        }
        for (const auto& one : game->winners) {
            CHECK(one.load() == 1);
        }
        CHECK(game->others.load() == times * static_cast<int>(count - 1));
        CHECK(game->surprises.load() == 0);
    }
    auto store = backend.open();
    const stored_state left{store};
    CHECK(broken_invariants(left, crew_places(), {}, {}).empty());
    CHECK(left.of<tables::allocations>().size() == 1);
}

TEST_CASE("S7 updates of one record by several processes lose nothing", "[pod]") {
    constexpr unsigned processes = 4;
    constexpr int each = 1'000;
    const in_journal backend;
    {
        auto library = runtime_in(backend);
        const auto planner = must(library.create(writer("planner", "/ws")));
    }
    run_processes(processes, [&](unsigned number) {
        auto store = backend.open();
        for (int i = 0; i != each; ++i) {
            const auto done = podscope::update_pod(store, "planner", [&](auto& record) {
                auto& fields = record.unknown.fields;
                if (fields.empty()) {
                    fields.emplace_back("count", "0");
                }
                fields.front().second = std::to_string(std::stoi(fields.front().second) + 1);
                if (!record.peers) {
                    record.peers.emplace(processes, "0");
                }
                auto& own = record.peers->at(number);
                own = std::to_string(std::stoi(own) + 1);
            });
            if (!done) {
                return 1;
            }
        }
        return 0;
    });
    auto store = backend.open();
    const stored_state left{store};
    const auto& record = left.of<tables::pods>().at("planner");
    CHECK(record.unknown.fields.at(0).second == std::to_string(processes * each));
    CHECK(record.peers == std::vector<std::string>(processes, std::to_string(each)));
    CHECK(record.manifest.allow.size() == 2);
}

TEST_CASE("F10 a process that dies while it tells has it told again by the next", "[pod]") {
    const in_journal backend;
    podscope::memory_sessions sessions;
    {
        auto library = runtime_in(backend, sessions);
        auto planner = must(library.create(writer("planner", "/ws")));
        for (const auto* child : {"first", "second"}) {
            must(library.adopt(must(planner.delegate(
                writer(child, child == std::string{"first"} ? "/ws/a" : "/ws/b")))));
        }
    }
    // One dies before it took the first, and another after it took one and before the second.
    for (int dies_at = 1; dies_at <= 2; ++dies_at) {
        forked_process dying{[&] {
            int told = 0;
            auto library =
                runtime_in(backend, sessions,
                           any_sink::of(podscope::callback_sink{[&](const podscope::notification&) {
                               if (++told == dies_at) {
                                   ::kill(::getpid(), SIGKILL);
                               }
                           }}));
            (void)library.restore("planner");
            return 1;
        }};
        REQUIRE(WIFSIGNALED(dying.status()));
        auto store = backend.open();
        const stored_state left{store};
        CHECK(rows_of<tables::history>(left, "planner").size() == 2);
        CHECK(rows_of<tables::outbox>(left, "planner").size() == 2);
        CHECK(broken_invariants(left, crew_places(), {}, {}).empty());
    }
    podscope::queue_sink queue;
    auto library = runtime_in(backend, sessions, any_sink::of(queue));
    const auto back = must(library.restore("planner"));
    CHECK_FALSE(back.report.changed());
    CHECK(queue.drain().size() == 2);
    auto store = backend.open();
    CHECK(stored_state{store}.of<tables::outbox>().empty());
}

TEST_CASE("I3 a pod whose process was killed can be restored while its children live on", "[pod]") {
    const in_journal backend;

    struct word {
        std::array<char, 256> grant{};
        std::atomic<bool> is_there{false};
    };

    const shared<word> said;
    podscope::memory_sessions sessions;
    const auto segment = must(sessions.create({}));
    must(sessions.append(segment, {.kind = "begin"}));

    forked_process parent{[&] {
        auto library = runtime_in(backend, sessions);
        auto planner = must(library.create(writer("planner", "/ws"), {.segment = segment}));
        const auto grant = must(planner.delegate(writer("child", "/ws/a")));
        grant.to_text().copy(said->grant.data(), said->grant.size() - 1);
        said->is_there.store(true);
        for (;;) {
            ::pause();
        }
        return 0;
    }};
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!said->is_there.load() && std::chrono::steady_clock::now() < until) {
        ::usleep(1'000);
    }
    REQUIRE(said->is_there.load());
    auto library = runtime_in(backend, sessions);
    auto child = must(library.adopt(must(podscope::grant::from_text(said->grant.data()))));
    CHECK(why_not(library.restore("planner")) == errc::already_live);
    parent.kill();

    const auto back = must(library.restore("planner"));
    CHECK(back.report.kept == std::vector<std::string>{"child"});
    CHECK(may_at(back.pod, "/ws/a/f") == permission::read);
    must(child.check("/ws/a/f", permission::write));
}

} // namespace
