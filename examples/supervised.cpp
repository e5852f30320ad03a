// SPDX-License-Identifier: BSL-1.0
// A parent that stays, and a child that is killed: what the child held is back at once.
#include <podscope/pod/supervisor.hpp>
#include <podscope/podscope.hpp>

#include <chrono>
#include <csignal>
#include <future>
#include <iostream>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace {

// The child: a process of its own has a runtime of its own.
[[noreturn]] void be_the_coder(const std::string& folder, const podscope::grant& given, int ready) {
    auto world = podscope::open_runtime(folder).value();
    const auto coder = world.adopt(given).value();
    (void)!::write(ready, "!", 1);
    for (;;) {
        ::pause();
    }
}

} // namespace

int main() {
    using namespace podscope;
    const std::string folder = "supervised_state";
    auto world = open_runtime(folder).value();
    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
    const auto given = planner.delegate(manifest{"coder"}.may(rules::write("/ws/src"))).value();

    int ready[2];
    if (::pipe(ready) != 0) {
        return 1;
    }
    const pid_t coder = ::fork();
    if (coder == 0) {
        be_the_coder(folder, given, ready[1]);
    }
    char adopted{};
    (void)!::read(ready[0], &adopted, 1);

    std::promise<std::string> back;
    {
        const auto guard =
            supervise(planner, [&](const result<reconcile_report>& seen) {
                if (seen && !seen->ended.empty()) {
                    const auto& one = seen->ended.front();
                    back.set_value(one.child + " is " + std::string{to_string(one.reason)});
                }
            }).value();
        ::kill(coder, SIGKILL);
        auto told = back.get_future();
        if (told.wait_for(std::chrono::seconds{30}) != std::future_status::ready) {
            return 1;
        }
        std::cout << told.get() << '\n'; // coder is missing
    }
    ::waitpid(coder, nullptr, 0);
    const bool mine = planner.check("/ws/src/main.cpp", permission::write).has_value();
    std::cout << mine << '\n'; // 1
    planner.release().value();
    return mine ? 0 : 1;
}
