// SPDX-License-Identifier: BSL-1.0
// A cluster of which now this member dies, now that one.
#pragma once

#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/talking_process.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <chrono>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

namespace podscope_test {

/// An etcd of three members, with a process of its own that kills one where it is told to and
/// starts it again: one at a time, so that two can go on. A test may fork beside it.
class dying_cluster {
public:
    /// The client addresses of its members.
    [[nodiscard]] std::vector<std::string> endpoints() const {
        std::istringstream all{keeper_.ask("endpoints")};
        std::vector<std::string> each;
        for (std::string one; all >> one;) {
            each.push_back(one);
        }
        return each;
    }

    /// Has the next one killed, by SIGKILL, now or as soon as the one before is back.
    void strike() const { (void)keeper_.ask("strike"); }

    /// How often one was killed and is back, of all that was struck.
    [[nodiscard]] std::size_t deaths() const { return std::stoul(keeper_.ask("deaths")); }

private:
    static int keep(line_to_test line) {
        etcd_cluster cluster;
        std::size_t deaths = 0;
        while (const auto told = line.hear()) {
            std::string answer;
            if (*told == "endpoints") {
                for (const auto& one : cluster.endpoints()) {
                    answer += one + ' ';
                }
            } else {
                answer = std::to_string(deaths);
            }
            if (!line.answer(answer)) {
                return 1;
            }
            if (*told == "strike") {
                auto& member = cluster.at(deaths % etcd_cluster::members);
                member.restart();
                if (!eventually([&] { return has_caught_up(member); })) {
                    return 1;
                }
                ++deaths;
            }
        }
        return 0;
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
