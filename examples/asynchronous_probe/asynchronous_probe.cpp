// SPDX-License-Identifier: BSL-1.0
// A parent in one thread, with a loop of its own (Boost.Asio): the loop watches over the children,
// and a coroutine in it probes them by a protocol of their own, over Unix sockets.
#include <podscope/pod/watcher.hpp>
#include <podscope/podscope.hpp>
#include <podscope/probe/asynchronous.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <utility>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

// The child adopts its part, and says "busy with <its name>" to whoever connects.
[[noreturn]] void be_a_worker(const std::string& folder, const podscope::grant& given, int ready) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // no stopped worker is left behind
    auto world = podscope::open_runtime(folder).value();
    auto worker = world.adopt(given).value();
    const std::string socket = folder + "/" + given.pod;
    ::unlink(socket.c_str());
    asio::io_context loop;
    stream_protocol::acceptor door{loop, {socket}};
    if (!worker.set_endpoint(socket)) {
        ::_exit(1);
    }
    (void)!::write(ready, "!", 1);
    for (;;) {
        auto caller = door.accept();
        boost::system::error_code hung_up;
        asio::write(caller, asio::buffer("busy with " + given.pod + "\n"), hung_up);
    }
}

pid_t start_worker(const std::string& folder, const podscope::grant& given) {
    int ready[2];
    const pid_t worker = ::pipe(ready) == 0 ? ::fork() : -1;
    if (worker == 0) {
        be_a_worker(folder, given, ready[1]);
    }
    char adopted{};
    (void)!::read(ready[0], &adopted, 1);
    return worker;
}

// Asks one child, and gives up at `by`. Its parameters are copies: it goes on after it was started.
asio::awaitable<void>
ask(podscope::probe_subject who, podscope::deadline by, podscope::probe_answer answer) {
    const auto loop = co_await asio::this_coro::executor;
    stream_protocol::socket child{loop};
    asio::steady_timer timer{loop, by};
    timer.async_wait([&](boost::system::error_code cancelled) {
        if (!cancelled) {
            child.close();
        }
    });
    try {
        std::string said;
        co_await child.async_connect({who.endpoint}, asio::use_awaitable);
        co_await asio::async_read_until(child, asio::dynamic_buffer(said), '\n',
                                        asio::use_awaitable);
        answer(said == "busy with " + who.pod + "\n" ? podscope::verdict::reachable
                                                     : podscope::verdict::missing);
    } catch (const boost::system::system_error&) {
        answer(podscope::verdict::unreachable);
    }
}

} // namespace

int main() {
    using namespace podscope;
    using namespace std::chrono_literals;
    const std::string folder = "asynchronous_probe_state";
    asio::io_context loop;
    const asynchronous_probe by_coroutine{
        [&](const probe_subject& who, deadline by, probe_answer answer) {
            asio::co_spawn(loop, ask(who, by, std::move(answer)), asio::detached);
        },
        // The only thread is the one that probes: so it runs the loop while it waits. (A loop that
        // may have run out of work needs a restart() first; the watcher keeps this one busy.)
        [&](deadline by) { return loop.run_one_until(by) > 0; }};
    auto world = open_runtime(folder, use::probe(all_of(process_probe{}, by_coroutine))).value();
    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
    const auto delegate = [&](const std::string& name) {
        return planner.delegate(manifest{name}.may(rules::write("/ws/" + name))).value();
    };
    const pid_t coder = start_worker(folder, delegate("coder"));
    const pid_t tester = start_worker(folder, delegate("tester"));

    // The watcher's descriptor is readable when somebody has died.
    auto watcher = watch(planner).value();
    asio::posix::stream_descriptor news{loop, ::dup(watcher.descriptor())};
    int ended = 0;
    const auto tell = [&](const reconcile_report& report) {
        for (const auto& one : report.ended) {
            std::cout << one.child << " is " << to_string(one.reason) << '\n';
            ++ended;
        }
    };
    asio::co_spawn(
        loop,
        [&]() -> asio::awaitable<void> {
            for (;;) {
                co_await news.async_wait(asio::posix::stream_descriptor::wait_read,
                                         asio::use_awaitable);
                tell(watcher.attend().value());
            }
        },
        asio::detached);

    ::kill(coder, SIGKILL);
    while (ended == 0) {
        loop.run_one(); // coder is missing
    }
    ::kill(tester, SIGSTOP);
    while (ended == 1) {
        tell(planner.reconcile(500ms).value()); // tester is unreachable
    }
    for (const pid_t worker : {coder, tester}) {
        ::kill(worker, SIGKILL);
        ::waitpid(worker, nullptr, 0);
    }
    const bool mine = planner.check("/ws/tester/report", permission::write).has_value();
    std::cout << mine << '\n'; // 1
    planner.release().value();
    return mine ? 0 : 1;
}
