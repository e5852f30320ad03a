// SPDX-License-Identifier: BSL-1.0
// A cluster of which now this member dies, now that one, or stands still for a while.
#pragma once

#include "backend/etcd_raw.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/talking_process.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <chrono>
#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace podscope_test {

/// What is done to a member.
enum class blow { kill, stop };

/// To which one.
enum class victim { next, leader };

/// An etcd of three members, with a process of its own that strikes one where it is told to and
/// gets it back: one at a time, so that two can go on. A test may fork beside it.
class dying_cluster {
public:
    /// How long one that is stopped stands still: longer than the others wait for a leader.
    static constexpr std::chrono::milliseconds standstill{1'500};

    /// The client addresses of its members.
    [[nodiscard]] std::vector<std::string> endpoints() const {
        std::istringstream all{keeper_.ask("endpoints")};
        std::vector<std::string> each;
        for (std::string one; all >> one;) {
            each.push_back(one);
        }
        return each;
    }

    /// Has one killed by SIGKILL, or stopped, as soon as the one before is back; returns once that
    /// is done. It comes back by itself.
    void strike(blow how = blow::kill, victim who = victim::next) const {
        (void)keeper_.ask(std::string{how == blow::kill ? "kill" : "stop"} +
                          (who == victim::leader ? " leader" : " next"));
    }

    /// How often one was struck. Returns once all that were are back.
    [[nodiscard]] std::size_t strikes() const { return std::stoul(keeper_.ask("strikes")); }

private:
    static int keep(line_to_test line) {
        etcd_cluster cluster;
        std::size_t strikes = 0;
        while (const auto told = line.hear()) {
            if (*told == "endpoints" || *told == "strikes") {
                std::string answer;
                for (const auto& one : cluster.endpoints()) {
                    answer += one + ' ';
                }
                if (!line.answer(*told == "strikes" ? std::to_string(strikes) : answer)) {
                    return 1;
                }
                continue;
            }
            auto& member = told->ends_with("leader") ? leader_of(cluster)
                                                     : cluster.at(strikes % etcd_cluster::members);
            const bool is_killed = told->starts_with("kill");
            if (is_killed) {
                member.kill();
            } else {
                member.pause();
            }
            if (!line.answer("struck")) {
                return 1;
            }
            if (is_killed) {
                member.restart();
            } else {
                std::this_thread::sleep_for(standstill);
                member.go_on();
            }
            if (!eventually([&] { return has_caught_up(member); })) {
                return 1;
            }
            ++strikes;
        }
        return 0;
    }

    [[nodiscard]] static etcd_server& leader_of(etcd_cluster& cluster) {
        etcd_server* leader = nullptr;
        const auto is_found = [&] {
            for (std::size_t i = 0; leader == nullptr && i != etcd_cluster::members; ++i) {
                auto& member = cluster.at(i);
                const auto said =
                    backend_test::raw_etcd{member.endpoint()}.ask("/v3/maintenance/status", "{}");
                if (said["leader"].text() == said["header"]["member_id"].text()) {
                    leader = &member;
                }
            }
            return leader != nullptr;
        };
        // Before the test gives up waiting for its answer.
        if (!eventually(is_found, std::chrono::seconds{20})) {
            throw std::runtime_error{"the cluster has no leader"};
        }
        return *leader;
    }

    // By itself it answers only what the others confirm.
    [[nodiscard]] static bool has_caught_up(const etcd_server& member) {
        return podscope::etcd_backend::open(
                   {.endpoints = {member.endpoint()}, .deadline = std::chrono::seconds{1}},
                   podscope::etcd_over_http())
            .has_value();
    }

    talking_process keeper_{keep};
};

} // namespace podscope_test
