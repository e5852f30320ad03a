// SPDX-License-Identifier: BSL-1.0
// F03: what a loss of power may leave of a runtime's folder, in which records name session
// segments: every pod that is on record can be restored, with all that its log has acknowledged.
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/pod/manifest.hpp>
#include <podscope/pod/open_runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/probe/callback.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/file.hpp>
#include <podscope/verify/power_cut.hpp>
#include <podscope/verify/recorded_files.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace backend_test;
using namespace podscope;
using podscope_test::must;
using verify::chance;
using verify::file_event;
using verify::power_cut;

ino_t inode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_ino;
}

void make_folder(const std::string& path) {
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
}

// What was acknowledged, by the number of the mark that says so: a pod is there, and so are the
// entries of its log.
struct acknowledgement {
    std::string pod;
    std::string body{}; ///< of an entry; empty for the pod itself
};

struct life {
    std::vector<file_event> events{};
    std::vector<acknowledgement> acknowledged{};
};

// Pods are created, reserved and adopted, and write entries of a part of a sector and of several.
life a_life(const std::string& path) {
    life all;
    system_trace trace;
    auto world = must(open_runtime(path, use::names(lexical_path{})));
    const auto acknowledge = [&](acknowledgement done) {
        all.acknowledged.push_back(std::move(done));
        trace.mark(all.acknowledged.size());
    };
    const auto append = [&](auto& pod, std::size_t length) {
        const std::string body(length, static_cast<char>('a' + all.acknowledged.size()));
        must(pod.append({.kind = "note", .body = body}));
        acknowledge({pod.name(), body});
    };
    auto planner = must(world.create(manifest{"planner"}.may(rules::write("/ws"))));
    acknowledge({"planner"});
    append(planner, 20);
    auto coder =
        must(world.adopt(must(planner.delegate(manifest{"coder"}.may(rules::write("/ws/a"))))));
    acknowledge({"coder"});
    append(coder, 1'500);
    append(planner, 700);
    append(coder, 10);
    auto second = must(world.create(manifest{"second"}.may(rules::write("/other"))));
    acknowledge({"second"});
    append(second, 10);
    all.events = trace.events();
    return all;
}

class inquiry {
public:
    explicit inquiry(const life& lived) : lived_{&lived} {}

    /// Opens what is left, puts every pod back that is on record, and says what is wrong.
    [[nodiscard]] std::string finding_in(const std::string& path,
                                         std::uint64_t acknowledged) const {
        std::set<std::string> back;
        // Who was not put back yet is dead: the machine was off.
        const callback_probe probe{[&](const probe_subject& subject, deadline) {
            return back.contains(subject.pod) ? verdict::reachable : verdict::missing;
        }};
        auto store = basic_journal<pod_schema, durability::process>::open(path);
        if (!store) {
            return to_string(store.error());
        }
        auto world =
            open_runtime(path, use::backend(*store), use::names(lexical_path{}), use::probe(probe));
        if (!world) {
            return to_string(world.error());
        }
        std::vector<typename std::remove_cvref_t<decltype(*world)>::pod> held;
        for (const auto* pod : {"second", "coder", "planner"}) {
            const auto expected = expected_of(pod, acknowledged);
            const auto record = world->record_of(pod);
            if (!record || record->active_segment.empty()) {
                if (expected) {
                    return std::string{pod} + " is not on record";
                }
                continue;
            }
            auto restored = world->restore(pod);
            if (!restored) {
                return to_string(restored.error());
            }
            back.insert(pod);
            if (auto fault = fault_in_log(restored->pod, expected.value_or(bodies{}));
                !fault.empty()) {
                return std::string{pod} + ": " + fault;
            }
            held.push_back(std::move(restored->pod));
        }
        return {};
    }

private:
    using bodies = std::vector<std::string>;

    // The entries that a pod's log must have; nothing if the pod need not be there.
    [[nodiscard]] std::optional<bodies> expected_of(std::string_view pod,
                                                    std::uint64_t acknowledged) const {
        std::optional<bodies> found;
        for (std::size_t i = 0; i < acknowledged; ++i) {
            const auto& one = lived_->acknowledged[i];
            if (one.pod == pod) {
                found.emplace(found.value_or(bodies{}));
                if (!one.body.empty()) {
                    found->push_back(one.body);
                }
            }
        }
        return found;
    }

    // Behind what was acknowledged there may be the one entry that was written when the power
    // failed, and what is appended next follows.
    template <class Pod>
    [[nodiscard]] static std::string fault_in_log(Pod& pod, const bodies& expected) {
        const auto bodies_of_log = [&]() -> result<bodies> {
            bodies found;
            auto done = pod.replay(1, [&](std::uint64_t, const session_entry& entry) {
                found.push_back(entry.body);
                return scan::next;
            });
            return done ? result<bodies>{std::move(found)} : fail(done);
        };
        auto found = bodies_of_log();
        if (!found) {
            return to_string(found.error());
        }
        const bool has_all = found->size() >= expected.size() &&
                             std::equal(expected.begin(), expected.end(), found->begin());
        if (!has_all || found->size() > expected.size() + 1) {
            return "its log is another one";
        }
        if (auto added = pod.append({.kind = "note", .body = "next"}); !added) {
            return to_string(added.error());
        }
        const auto longer = bodies_of_log();
        found->push_back("next");
        return !longer             ? to_string(longer.error())
               : *longer == *found ? ""
                                   : "its log does not go on";
    }

    const life* lived_;
};

} // namespace

TEST_CASE("F03 whatever a loss of power leaves every pod on record can be restored with its log") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    make_folder(path);
    make_folder(path + "/sessions");
    const auto lived = a_life(path);
    const inquiry after{lived};
    power_cut store{inode_of(path)};
    power_cut sessions{inode_of(path + "/sessions")};
    std::mt19937 random{7};
    int cuts = 0;

    const auto cut_power = [&](auto luck) {
        const std::string left = folder / "left";
        std::filesystem::remove_all(left);
        make_folder(left);
        make_folder(left + "/sessions");
        for (const auto& [disk, place] :
             {std::pair{&store, left}, {&sessions, left + "/sessions"}}) {
            for (const auto& [name, content] : disk->left(luck)) {
                const auto file = place + "/" + name;
                set_bytes(file, content);
                REQUIRE(::chmod(file.c_str(), 0600) == 0);
            }
        }
        ++cuts;
        return after.finding_in(left, store.acknowledged());
    };
    for (std::size_t i = 0; i < lived.events.size(); ++i) {
        store.happen(lived.events[i]);
        sessions.happen(lived.events[i]);
        CAPTURE(i, cuts, store.acknowledged());
        REQUIRE(cut_power([] { return chance::dropped; }) == "");
        if (store.questions() + sessions.questions() == 0) {
            continue;
        }
        REQUIRE(cut_power([] { return chance::kept; }) == "");
        REQUIRE(cut_power([] { return chance::zeros; }) == "");
        for (int again = 0; again < 4; ++again) {
            REQUIRE(cut_power([&] { return static_cast<chance>(random() % 3); }) == "");
        }
    }
    CHECK(store.acknowledged() == lived.acknowledged.size());
    CHECK(sessions.left([] { return chance::dropped; }).size() == 3);
}

TEST_CASE("F03 a segment whose creation was acknowledged outlasts a loss of power") {
    const scratch_folder folder;
    const auto left_by = [&](durability wanted) {
        system_trace trace;
        auto sessions = must(file_sessions::open(folder / "sessions", {.durable = wanted}));
        const auto name = must(sessions.create({})) + ".jsonl";
        power_cut disk{inode_of(folder / "sessions")};
        for (const auto& event : trace.events()) {
            disk.happen(event);
        }
        const auto left = disk.left([] { return chance::dropped; });
        return left.contains(name) && left.at(name) == bytes_of(folder / ("sessions/" + name));
    };
    CHECK(left_by(durability::power));
    CHECK_FALSE(left_by(durability::process));
}

// Whoever opens it first may have died, or not come to it yet.
TEST_CASE("F03 whoever opens a session folder makes its name last") {
    const scratch_folder folder;
    const auto syncs_above = [&](durability wanted) {
        system_trace trace;
        (void)must(file_sessions::open(folder / "sessions", {.durable = wanted}));
        const auto& done = trace.events();
        return std::ranges::count_if(done, [&](const file_event& event) {
            return event.what == file_event::kind::synced &&
                   event.file == inode_of(folder.path().string());
        });
    };
    CHECK(syncs_above(durability::process) == 0);
    CHECK(syncs_above(durability::power) == 1);
    CHECK(syncs_above(durability::power) == 1);
}
