// SPDX-License-Identifier: BSL-1.0
// How long a restore takes of whose children all hang, against the one deadline that they cost.
#include "support/measure.hpp"
#include "support/must.hpp"
#include "support/scratch.hpp"

#include <podscope/podscope.hpp>
#include <podscope/probe/responder.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace podscope_bench {
namespace {

namespace rules = podscope::rules;

constexpr std::size_t children = 1'000;
constexpr std::chrono::milliseconds probe_time{1'000};

// For the sockets of the children, the connections to them, and what else is open.
void allow_descriptors() {
    rlimit files{};
    constexpr rlim_t needed = 4 * children;
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < needed) {
        throw std::runtime_error{"too few descriptors for a thousand hung children"};
    }
    if (files.rlim_cur < needed) {
        files.rlim_cur = needed;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
}

// A planner on a journal at power durability, and children that live and do not answer: callers
// queue up at their sockets, at which no responder was told an epoch.
class hung_team {
public:
    using parts = podscope::runtime_parts<podscope::basic_journal<podscope::pod_schema>,
                                          podscope::memory_sessions,
                                          podscope::default_probe,
                                          podscope::queue_sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::calling_process>;

    hung_team() {
        allow_descriptors();
        const auto folder = fresh("sockets");
        std::filesystem::create_directory(folder);
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
        for (std::size_t i = 0; i != children; ++i) {
            const auto name = "child" + std::to_string(i);
            sockets_.push_back(must(podscope::responder::open(folder + "/" + name, name)));
            wanted_.push_back(
                podscope::manifest{name}.may(rules::write("/ws/part" + std::to_string(i))));
        }
        planner_ = must(library_.create(podscope::manifest{"planner"}.may(rules::write("/ws"))));
    }

    // Delegates to all of them anew, and leaves them behind.
    void prepare() {
        const auto grants = must(planner_->delegate_all(wanted_));
        // As each would adopt, but in one commit, since a thousand synced ones take their time.
        must(journal_.write([&](auto& txn) -> podscope::result<void> {
            podscope::registry live{txn};
            for (std::size_t i = 0; i != children; ++i) {
                auto row = live.find(grants[i].pod);
                if (!row) {
                    return podscope::fail(row);
                }
                (**row).adopted = true;
                (**row).endpoint = sockets_[i].endpoint();
                if (auto done = live.update(**row); !done) {
                    return done;
                }
            }
            return {};
        }));
        planner_.reset();
    }

    void restore() {
        auto back = must(library_.restore("planner", {.probe_time = probe_time}));
        if (back.report.ended.size() != children) {
            throw std::runtime_error{"not all of them were found to hang"};
        }
        planner_ = std::move(back.pod);
        (void)sink_.drain();
    }

private:
    podscope::basic_journal<podscope::pod_schema> journal_{
        must(podscope::basic_journal<podscope::pod_schema>::open(fresh("journal")))};
    podscope::queue_sink sink_{};
    podscope::basic_runtime<parts> library_{parts{journal_, {}, {}, sink_, {}, {}, {}, {}}};
    std::vector<podscope::responder> sockets_{};
    std::vector<podscope::manifest> wanted_{};
    std::optional<podscope::basic_pod<parts>> planner_{};
};

const on_load here{[] {
    const std::string ours = "restore with 1 000 hung children";
    add_timed(ours, [](benchmark::State& state) {
        hung_team team;
        for (auto _ : state) {
            state.PauseTiming();
            team.prepare();
            state.ResumeTiming();
            team.restore();
        }
    });
    add_row([ours](const costs& found) {
        return row{.name = ours + ", against the deadline of its probe",
                   .unit = "ns",
                   .value = found.time_of(ours),
                   .reference = "the deadline",
                   .reference_value = std::chrono::nanoseconds{probe_time}.count(),
                   .limit = 1.10};
    });
}};

} // namespace
} // namespace podscope_bench
