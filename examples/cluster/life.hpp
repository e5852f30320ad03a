// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/channel.hpp"
#include "../shared/etcd_member.hpp"
#include "host.hpp"
#include "messages.hpp"
#include "network.hpp"
#include "site.hpp"
#include "world.hpp"

#include <podscope/result.hpp>
#include <podscope/sink/queue.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/stat.h>

namespace demo {

/// What happens on a host: its member of the cluster runs, and a program that does as it is told.
template <class Program>
class life {
public:
    /// Ends with 0 once nobody is at the other end of the line.
    [[nodiscard]] static int live(const site& here, const channel& line) {
        life lived{here};
        while (const auto given = hear<order>(line)) {
            if (!line.send(podscope::guarded([&] { return lived.obey(*given); }))) {
                return 1;
            }
        }
        return 0;
    }

private:
    explicit life(const site& here) : here_{here} {}

    podscope::result<answer> obey(const order& given) {
        switch (given.what) {
        case verb::boot: return boot();
        case verb::join: return join();
        default: return program_->obey(given);
        }
    }

    podscope::result<answer> boot() {
        if (auto up = network::come_up(here_); !up) {
            return podscope::fail(up);
        }
        if (::mkdir(here_.folder().c_str(), S_IRWXU) != 0) {
            return system_said_no("cannot make a folder", here_.folder());
        }
        auto started = etcd_member::start(member_on(here_));
        if (!started) {
            return podscope::fail(started);
        }
        member_.emplace(*std::move(started));
        return answer{};
    }

    podscope::result<answer> join() {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        for (;;) {
            const podscope::queue_sink told;
            auto opened = open_world(here_, Program::patience, told);
            if (opened) {
                program_ = std::make_unique<Program>(*std::move(opened), told);
                return answer{};
            }
            if (member_->has_ended() || std::chrono::steady_clock::now() > until) {
                return podscope::fail(opened);
            }
            (void)::poll(nullptr, 0, 20);
        }
    }

    site here_;
    std::optional<etcd_member> member_{};
    std::unique_ptr<Program> program_{};
};

} // namespace demo
