// SPDX-License-Identifier: BSL-1.0
// Probes made of operations on an event loop of the user's.
#include "probe/processes.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/probe/asynchronous.hpp>
#include <podscope/probe/combinators.hpp>
#include <podscope/probe/process.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;
namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

std::vector<probe_subject> subjects_named(std::initializer_list<std::string> names) {
    std::vector<probe_subject> subjects;
    for (const auto& name : names) {
        subjects.push_back({.pod = name});
    }
    return subjects;
}

/// As ask_all, for probes that change.
template <class Probe>
std::vector<verdict>
ask_those(Probe& probe, const std::vector<probe_subject>& subjects, deadline until = in(1h)) {
    std::vector<verdict> verdicts(subjects.size(), verdict::unknown);
    probe.probe(subjects, until, verdicts);
    return verdicts;
}

auto driving(asio::io_context& loop) {
    return [&loop](deadline by) {
        loop.restart(); // it may have run out of work
        return loop.run_one_until(by) > 0;
    };
}

constexpr auto heard = asio::as_tuple(asio::use_awaitable);

/// Asks at a socket for one line, and gives up in time.
asio::awaitable<void> ask_at_socket(probe_subject who, deadline by, probe_answer answer) {
    const auto loop = co_await asio::this_coro::executor;
    stream_protocol::socket peer{loop};
    asio::steady_timer timer{loop, by};
    timer.async_wait([&peer](boost::system::error_code why) {
        if (!why) {
            peer.close();
        }
    });
    auto [refused] = co_await peer.async_connect({who.endpoint}, heard);
    std::string line;
    if (!refused) {
        auto [lost, length] =
            co_await asio::async_read_until(peer, asio::dynamic_buffer(line), '\n', heard);
        (void)length;
        refused = lost;
    }
    answer(refused || line != who.pod + '\n' ? verdict::unreachable : verdict::reachable);
}

/// A process that says its name to whoever connects.
void serve(const std::string& path, const std::string& name, const voice& out) {
    asio::io_context loop;
    stream_protocol::acceptor door{loop, {path}};
    out.say("open");
    for (;;) {
        auto peer = door.accept();
        boost::system::error_code hung_up;
        asio::write(peer, asio::buffer(name + '\n'), hung_up);
    }
}

} // namespace

static_assert(std::is_copy_constructible_v<probe_answer>);
static_assert(std::is_nothrow_move_constructible_v<probe_answer>);

TEST_CASE("operations answer at once, later, or from another thread", "[probe][concurrent]") {
    std::vector<std::jthread> threads;
    asynchronous_probe probe{[&](const probe_subject& who, deadline, probe_answer answer) {
        if (who.pod == "at once") {
            answer(verdict::reachable);
        } else {
            threads.emplace_back([answer = std::move(answer)] { answer(verdict::missing); });
        }
    }};
    static_assert(reachability_probe<decltype(probe)>);
    static_assert(reachability_probe<const decltype(probe)>);
    CHECK(ask_those(probe, subjects_named({"a thread", "at once", "a thread"})) ==
          std::vector{verdict::missing, verdict::reachable, verdict::missing});
    CHECK(ask_those(probe, subjects_named({"a thread"}), deadline::max()) ==
          std::vector{verdict::missing});
    CHECK(ask_those(probe, {}).empty());
}

TEST_CASE("the first answer counts, whichever copy gives it") {
    asynchronous_probe probe{[](const probe_subject&, deadline, const probe_answer& answer) {
        const probe_answer other = answer;
        other(verdict::unreachable);
        answer(verdict::reachable);
    }};
    CHECK(ask_those(probe, subjects_named({"a"})) == std::vector{verdict::unreachable});
}

TEST_CASE("an operation that cannot be started or drops its answer leaves its subject unknown") {
    // An hour to wait in vain: the test ends because nobody waits.
    asynchronous_probe probe{[](const probe_subject& who, deadline, const probe_answer& answer) {
        if (who.pod == "throws") {
            throw std::runtime_error{"no connection"};
        }
        if (who.pod == "answers") {
            answer(verdict::reachable);
        }
    }};
    CHECK(ask_those(probe, subjects_named({"throws", "answers", "drops"})) ==
          std::vector{verdict::unknown, verdict::reachable, verdict::unknown});
}

TEST_CASE("F20 who has not answered at the deadline is unknown, and answers too late for ever",
          "[probe]") {
    std::vector<probe_answer> kept;
    std::vector<verdict> verdicts(2, verdict::unknown);
    {
        asynchronous_probe probe{[&](const probe_subject& who, deadline, probe_answer answer) {
            if (who.pod == "answers") {
                answer(verdict::reachable);
            }
            kept.push_back(std::move(answer));
        }};
        probe.probe(subjects_named({"silent", "answers"}), in(20ms), verdicts);
    }
    const std::vector expected{verdict::unknown, verdict::reachable};
    CHECK(verdicts == expected);
    for (const auto& answer : kept) {
        answer(verdict::missing);
    }
    kept.clear();
    CHECK(verdicts == expected);
}

TEST_CASE("an answer that is moved from answers nothing") {
    std::optional<probe_answer> kept;
    asynchronous_probe probe{[&](const probe_subject&, deadline, probe_answer answer) {
        kept = std::move(answer);
        answer(verdict::missing); // NOLINT(bugprone-use-after-move): what it shows
    }};
    CHECK(ask_those(probe, subjects_named({"a"}), in(20ms)) == std::vector{verdict::unknown});
}

TEST_CASE("operations have to answer a little before the deadline") {
    for (const auto until : {in(1h), in(8ms), deadline{}, deadline::min(), deadline::max()}) {
        asynchronous_probe probe{
            [&](const probe_subject&, deadline by, const probe_answer& answer) {
                const bool is_over = until <= std::chrono::steady_clock::now();
                CHECK((by < until || (is_over && by == until)));
                CHECK(until - by <= 100ms);
                answer(verdict::reachable);
            }};
        CHECK(ask_those(probe, subjects_named({"a"}), until) == std::vector{verdict::reachable});
    }
}

TEST_CASE("F23 a thousand operations that hang give up under one deadline, in the probing thread",
          "[probe]") {
    constexpr std::size_t many = 1'000;
    asio::io_context loop;
    std::vector<std::thread::id> ran_in;
    std::set<deadline> given;
    std::size_t started = 0;
    bool waited_before_all_were_started = false;
    asynchronous_probe probe{
        [&](const probe_subject&, deadline by, probe_answer answer) {
            ++started;
            given.insert(by);
            if (waited_before_all_were_started) {
                return; // or the test would last as long as all of them together
            }
            auto timer = std::make_shared<asio::steady_timer>(loop, by);
            timer->async_wait([&, timer, answer = std::move(answer)](auto) {
                ran_in.push_back(std::this_thread::get_id());
                waited_before_all_were_started = started != many;
                answer(verdict::unreachable);
            });
        },
        driving(loop)};
    static_assert(reachability_probe<const decltype(probe)>);
    const std::vector<probe_subject> subjects(many);
    // On a machine that stands still just then, some come too late.
    CHECK(eventually([&] {
        ran_in.clear();
        given.clear();
        started = 0;
        return ask_those(probe, subjects, in(a_while)) == std::vector(many, verdict::unreachable) ||
               waited_before_all_were_started;
    }));
    CHECK_FALSE(waited_before_all_were_started);
    CHECK(given.size() == 1);
    CHECK(ran_in == std::vector(many, std::this_thread::get_id()));
}

TEST_CASE("a loop that has nothing to do is looked at again", "[probe][concurrent]") {
    asio::io_context loop;
    std::jthread other;
    asynchronous_probe probe{
        [&](const probe_subject& who, deadline, probe_answer answer) {
            if (who.pod == "by itself") {
                other = std::jthread{[answer = std::move(answer)] { answer(verdict::reachable); }};
                return;
            }
            // The loop has run out by the time when this comes.
            other = std::jthread{[&loop, answer = std::move(answer)] {
                (void)eventually([&] { return loop.stopped(); });
                asio::post(loop, [answer] { answer(verdict::reachable); });
            }};
        },
        driving(loop)};
    CHECK(ask_those(probe, subjects_named({"by itself"})) == std::vector{verdict::reachable});
    CHECK(ask_those(probe, subjects_named({"in the loop"})) == std::vector{verdict::reachable});
}

TEST_CASE("an answer from another thread ends the wait of a loop that waits for something else",
          "[probe][concurrent]") {
    asio::io_context loop;
    asio::steady_timer other_work{loop, std::chrono::hours{1}};
    other_work.async_wait([](auto) {});
    std::jthread other;
    asynchronous_probe probe{[&](const probe_subject&, deadline, probe_answer answer) {
                                 other = std::jthread{
                                     [answer = std::move(answer)] { answer(verdict::reachable); }};
                             },
                             driving(loop)};
    CHECK(ask_those(probe, subjects_named({"a"})) == std::vector{verdict::reachable});
}

TEST_CASE("what a handler of the loop throws leaves the probe, and the late answers do no harm") {
    asio::io_context loop;
    std::optional<probe_answer> kept;
    asynchronous_probe probe{[&](const probe_subject&, deadline, probe_answer answer) {
                                 kept = std::move(answer);
                                 asio::post(loop, [] { throw std::runtime_error{"a handler's"}; });
                             },
                             driving(loop)};
    CHECK_THROWS_AS(ask_those(probe, subjects_named({"a"})), std::runtime_error);
    (*kept)(verdict::missing);
}

TEST_CASE("a loop that ends with operations under way leaves their subjects unknown") {
    auto loop = std::make_unique<asio::io_context>();
    asynchronous_probe probe{[&](const probe_subject&, deadline, probe_answer answer) {
        asio::post(*loop, [answer = std::move(answer)] { answer(verdict::missing); });
        loop.reset();
    }};
    CHECK(ask_those(probe, subjects_named({"a"})) == std::vector{verdict::unknown});
}

TEST_CASE("F20 a coroutine tells a process that answers from one that hangs or is gone",
          "[probe]") {
    const temporary_folder folder;
    asio::io_context loop;
    const asynchronous_probe probe{
        [&](const probe_subject& who, deadline by, probe_answer answer) {
            asio::co_spawn(loop, ask_at_socket(who, by, std::move(answer)), asio::detached);
        },
        driving(loop)};
    const auto child = [&](const std::string& name) {
        return std::make_unique<child_process>(
            [&](const voice& out) { serve(folder / name, name, out); });
    };
    const auto answers = child("answers");
    const auto hangs = child("hangs");
    const auto dies = child("dies");
    std::vector<probe_subject> subjects;
    for (const std::string name : {"answers", "hangs", "dies", "never lived"}) {
        subjects.push_back({.pod = name, .endpoint = folder / name});
    }
    for (const auto* const each : {&answers, &hangs, &dies}) {
        REQUIRE((*each)->line() == "open");
    }
    hangs->stop();
    dies->kill_and_reap();
    const std::vector expected{verdict::reachable, verdict::unreachable, verdict::unreachable,
                               verdict::unreachable};
    CHECK(eventually([&] { return ask_all(probe, subjects, in(a_while)) == expected; }));
    hangs->resume();
    CHECK(ask(probe, subjects[1]) == verdict::reachable);
}

TEST_CASE("a loop that another thread runs serves probes of several threads at once",
          "[probe][concurrent]") {
    const temporary_folder folder;
    const child_process child{[&](const voice& out) { serve(folder / "a", "a", out); }};
    REQUIRE(child.line() == "open");
    asio::io_context loop;
    auto stays = asio::make_work_guard(loop);
    std::jthread runs{[&] { loop.run(); }};
    const auto probe =
        all_of(process_probe{},
               asynchronous_probe{[&](const probe_subject& who, deadline by, probe_answer answer) {
                   asio::co_spawn(loop, ask_at_socket(who, by, std::move(answer)), asio::detached);
               }});
    const probe_subject subject{
        .pod = "a", .owner = identity_of(child.pid()).value(), .endpoint = folder / "a"};
    std::atomic<int> reached{0};
    {
        std::vector<std::jthread> asking;
        for (int i = 0; i < 4; ++i) {
            asking.emplace_back(
                [&] { reached += ask(probe, subject) == verdict::reachable ? 1 : 0; });
        }
    }
    CHECK(reached == 4);
    stays.reset();
}

TEST_CASE("F20 a loop whose operations never answer is driven to the deadline and no further",
          "[probe]") {
    std::vector<probe_answer> kept;
    std::vector<deadline> driven;
    const auto keep = [&](const probe_subject&, deadline, probe_answer answer) {
        kept.push_back(std::move(answer));
    };
    const auto drive = [&](deadline by) {
        driven.push_back(by);
        return false;
    };
    asynchronous_probe probe{keep, drive};
    const auto until = in(50ms);
    CHECK(ask_those(probe, subjects_named({"silent"}), until) == std::vector{verdict::unknown});
    CHECK(std::chrono::steady_clock::now() >= until);
    CHECK(std::ranges::is_sorted(driven));
    REQUIRE_FALSE(driven.empty());
    CHECK(driven.back() == until);
    driven.clear();
    CHECK(ask_those(probe, subjects_named({"silent"}), deadline{}) ==
          std::vector{verdict::unknown});
    CHECK(driven.empty());
}
