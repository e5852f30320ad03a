// SPDX-License-Identifier: BSL-1.0
// A thousand children that all hang, and a parent that is restored.
//
// What hangs is real: sockets at which callers queue up and that nobody serves, since the processes
// that listen there are stopped. A thousand processes would show nothing more and take minutes
// under a sanitizer, so each of a few has many of the children.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/descriptors.hpp"
#include "support/talking_process.hpp"

#include <podscope/probe/concept.hpp>
#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/probe/unix_address.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace {

using namespace podscope_test;
using podscope::end_reason;
namespace tables = podscope::tables;

constexpr std::size_t children = 1'000;
constexpr std::size_t processes = 4;

using store = podscope::basic_journal<podscope::pod_schema, podscope::durability::process>;

// What a runtime has its probe do: how many it asks about at once, and until when.
struct questions {
    std::vector<std::size_t> asked_about;
    std::set<podscope::deadline> until;
};

struct noted_probe {
    void probe(std::span<const podscope::probe_subject> subjects,
               podscope::deadline until,
               std::span<podscope::verdict> verdicts) const {
        noted->asked_about.push_back(subjects.size());
        noted->until.insert(until);
        podscope::default_probe{}.probe(subjects, until, verdicts);
    }

    std::shared_ptr<questions> noted;
};

using parts = podscope::runtime_parts<store,
                                      podscope::memory_sessions,
                                      noted_probe,
                                      podscope::queue_sink,
                                      podscope::lexical_path,
                                      podscope::reclaim_and_fence,
                                      podscope::system_clocks,
                                      podscope::given_process>;
using runtime = podscope::basic_runtime<parts>;

std::string name_of(std::size_t child) {
    return "child" + std::to_string(child);
}

std::string place_of_child(std::size_t child) {
    return "/ws/part" + std::to_string(child);
}

std::string socket_of(const temporary_folder& folder, std::size_t child) {
    return folder / std::to_string(child);
}

// Listens for every so-manieth child, and would let callers wait even if it ran.
class listening_process : public talking_process {
public:
    listening_process(const temporary_folder& folder, std::size_t first)
        : talking_process{[&folder, first](line_to_test line) {
              std::vector<podscope::responder> sockets;
              for (auto child = first; child < children; child += processes) {
                  auto made = podscope::responder::open(socket_of(folder, child), name_of(child));
                  if (!made) {
                      return 1;
                  }
                  sockets.push_back(*std::move(made));
              }
              while (line.hear()) {
                  if (!line.answer("listening")) {
                      return 1;
                  }
              }
              return 0;
          }} {}
};

// While it lives, this process may have that many descriptors open in all: one more is refused.
class descriptor_limit {
public:
    explicit descriptor_limit(std::size_t in_all) {
        const auto open = open_descriptors();
        REQUIRE(static_cast<std::size_t>(*std::ranges::max_element(open)) < in_all);
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        REQUIRE(before_.rlim_max >= in_all);
        const rlimit now{in_all, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
    }

    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;

    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

// A planner that has died, and its children, all of whom hang.
struct hung_team {
    hung_team() {
        for (std::size_t i = 0; i != processes; ++i) {
            hung.push_back(std::make_unique<listening_process>(sockets, i));
        }
        for (const auto& one : hung) {
            REQUIRE(one->ask("are you") == "listening");
        }
        auto planner = must(heir.create(writer("planner", "/ws")));
        std::vector<manifest> wanted;
        for (std::size_t i = 0; i != children; ++i) {
            wanted.push_back(writer(name_of(i), place_of_child(i)));
        }
        const auto grants = must(planner.delegate_all(wanted));
        for (std::size_t i = 0; i != children; ++i) {
            auto in_its_name = runtime_of(must(podscope::identity_of(hung[i % processes]->pid())));
            pods.push_back(must(in_its_name.adopt(
                grants[i], {.endpoint = podscope::unix_endpoint(socket_of(sockets, i))})));
        }
        for (const auto& one : hung) {
            one->stop();
        }
    }

    [[nodiscard]] runtime runtime_of(podscope::process_identity who) const {
        return runtime{parts{journal, sessions, {noted}, sink, {}, {}, {}, {std::move(who)}}};
    }

    void judge(const std::set<std::string>& told) {
        const stored_state now{journal};
        const auto broken = inspection{now, crew_places()}
                                .all_children_live("planner")
                                .no_leak()
                                .nothing_lost(told)
                                .one_writer_per_segment()
                                .registry_in_step()
                                .broken();
        CAPTURE(broken);
        CHECK(broken.empty());
        CHECK(now.of<tables::allocations>().size() == 1);
        CHECK(now.of<tables::claims>().size() == 1);
        CHECK(now.of<tables::layers>().empty());
        CHECK(rows_of<tables::history>(now, "planner").size() == children);
    }

    temporary_folder folder{};
    temporary_folder sockets{};
    std::vector<std::unique_ptr<listening_process>> hung{};
    store journal{must(store::open(folder / "store"))};
    podscope::memory_sessions sessions{};
    podscope::queue_sink sink{};
    std::shared_ptr<questions> noted{std::make_shared<questions>()};
    runtime heir{runtime_of(must(podscope::calling_process{}.self()))};
    std::vector<podscope::basic_pod<parts>> pods{};
};

} // namespace

TEST_CASE("F23 a thousand hung children cost a restore one deadline, and few descriptors more than "
          "there are children",
          "[pod][slow]") {
    hung_team team;
    std::optional<podscope::restored<parts>> back;
    {
        // So that however the restore goes about it, it cannot have more open at any time.
        const descriptor_limit limit{open_descriptors().size() + children + 64};
        back = must(team.heir.restore("planner", {.probe_time = impatience}));
    }
    CHECK(team.noted->asked_about == std::vector{children});
    CHECK(team.noted->until.size() == 1);
    CHECK(back->report.ended.size() == children);
    CHECK(std::ranges::all_of(
        back->report.ended, [](const auto& one) { return one.reason == end_reason::unreachable; }));
    CHECK(back->report.kept.empty());
    CHECK(back->report.undecided.empty());
    CHECK(back->report.undelivered.empty());
    std::set<std::string> told;
    for (const auto& one : team.sink.drain()) {
        told.insert(one.id);
    }
    CHECK(told.size() == children);
    team.judge(told);
    for (std::size_t i = 0; i != children; ++i) {
        must(back->pod.check(place_of_child(i) + "/f", permission::write));
    }
    for (const auto& one : team.hung) {
        one->resume();
    }
    for (std::size_t i = 0; i != children; ++i) {
        CHECK(why_not(team.pods[i].check(place_of_child(i) + "/f", permission::write)) ==
              podscope::errc::revoked);
    }
}

TEST_CASE(
    "F14 F23 hung children for whom there is no descriptor are kept, and found by later looks",
    "[pod][slow]") {
    hung_team team;
    const auto open = open_descriptors().size();
    const descriptor_limit limit{open + children / 2};
    auto back = must(team.heir.restore("planner", {.probe_time = impatience}));
    CHECK(back.report.ended.size() < children / 2);
    CHECK(back.report.ended.size() > children / 4);
    CHECK(back.report.ended.size() + back.report.kept.size() == children);
    for (auto left = back.report.kept.size(); left != 0;) {
        const auto report = must(back.pod.reconcile(impatience));
        CHECK(report.ended.size() + report.kept.size() == left);
        REQUIRE_FALSE(report.ended.empty());
        left = report.kept.size();
    }
    std::set<std::string> told;
    for (const auto& one : team.sink.drain()) {
        told.insert(one.id);
    }
    team.judge(told);
    CHECK(open_descriptors().size() == open);
}
