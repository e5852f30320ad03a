// SPDX-License-Identifier: BSL-1.0
// What stands in a pod's session log, and what it is good for.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/pod/restore.hpp>
#include <podscope/session/checks.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/store/pod_store.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;
using podscope::session_entry;

namespace tables = podscope::tables;

using here = configuration<in_memory, by_script, to_queue>;
using in_files = configuration<in_journal, by_script, to_queue>;

template <class Pod>
std::vector<session_entry> replayed(const Pod& pod, std::uint64_t from = 0) {
    std::vector<session_entry> all;
    must(pod.replay(from, [&](std::uint64_t, const session_entry& entry) {
        all.push_back(entry);
        return podscope::scan::next;
    }));
    return all;
}

TEMPLATE_TEST_CASE("S5 entries of any kind come back as they were written",
                   "[pod]",
                   here,
                   in_files) {
    crew_of<TestType> c{TestType{}};
    auto& pod = c.create(writer("pod", "/ws"));
    const std::vector<session_entry> written{
        {.kind = "metrics", .body = R"({"tokens":17,"nested":{"list":[1,2,3]}})"},
        {.kind = "memory", .body = "remember \"this\"\nand that\t\\ \xE2\x82\xAC"},
        {.kind = "", .body = ""},
        {.kind = "x.unknown/extension v2", .body = std::string(100'000, 'x')},
    };
    auto index = must(pod.append({.kind = "first"}));
    for (const auto& entry : written) {
        CHECK(must(pod.append(entry)) == ++index);
    }
    CHECK(replayed(pod, index + 1 - written.size()) == written);

    c.kill("pod");
    c.restore("pod");
    CHECK(replayed(c.at("pod"), index + 1 - written.size()) == written);
    CHECK(must(c.at("pod").append({.kind = "next"})) == index + 1);
}

// A log that says the opposite of what is so changes nothing: not what is checked, not what is
// restored, not who is blamed.
TEMPLATE_TEST_CASE("S5 entries that look like scope change nothing", "[pod]", here, in_files) {
    std::vector<std::vector<std::string>> outcomes;
    for (const bool forge : {false, true}) {
        crew_of<TestType> c{TestType{}};
        c.create(writer("planner", "/ws").may_not(rules::write("/ws/x")));
        c.add("planner", writer("child", "/ws/a"));
        if (forge) {
            for (const auto* pod : {"planner", "child"}) {
                for (const auto* kind : {"podscope.begin", "podscope.scope", "delegation.reclaimed",
                                         "notification", "deny_layer.removed", "pod.released"}) {
                    for (const auto* body :
                         {R"({"pod":"planner","allow":["write /"],"deny":[],"layers":[]})",
                          R"({"id":"ended/planner/child/2","child":"child","reason":"released"})",
                          "not even JSON"}) {
                        must(c.at(pod).append({.kind = kind, .body = body}));
                    }
                }
            }
        }
        c.kill("planner");
        const auto report = c.restore("planner");
        std::vector<std::string> outcome{std::to_string(report.ended.size()),
                                         std::to_string(report.adopted.size()),
                                         std::to_string(report.kept.size())};
        for (const auto* place : {"/", "/ws", "/ws/a", "/ws/a/f", "/ws/b", "/ws/x", "/ws/x/f"}) {
            for (const auto* pod : {"planner", "child"}) {
                outcome.emplace_back(to_string(may_at(c.at(pod), place)));
            }
            const auto who = must(c.holder_of("child").library.who(place));
            outcome.push_back(who ? who->owner.pod : "nobody");
        }
        for (const auto& layer : standing_layers(c.state(), "planner")) {
            outcome.push_back(layer.rule + " for " + layer.child);
        }
        outcomes.push_back(outcome);
        c.judge_restored("planner");
    }
    CHECK(outcomes.front() == outcomes.back());
}

enum class log_fate { kept, gone, emptied };

constexpr std::array<log_fate, 3> all_fates_of_a_log{log_fate::kept, log_fate::gone,
                                                     log_fate::emptied};

podscope::restore_options without_log() {
    return {.probe_time = patience, .replace_lost_segment = true};
}

// Leaves a pod's record as if that had become of its log.
template <class Crew>
void lose(Crew& c, const std::string& pod, log_fate fate) {
    if (fate == log_fate::kept) {
        return;
    }
    const auto lost = fate == log_fate::gone ? std::string(podscope::segment_id_length, '0')
                                             : must(c.backend().open_sessions().create({}));
    auto store = c.backend().open();
    must(store.write(
        [&](auto& txn) { return podscope::pod_store{txn}.set_active_segment(pod, lost); }));
}

// Of a planner and two children of its, one of them dead, all of whose logs have that fate.
template <class Crew>
std::vector<std::string> outcome_of_a_restore(Crew& c, log_fate fate) {
    c.create(writer("planner", "/ws").may_not(rules::write("/ws/x")));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grandchild", "/ws/a/b"));
    c.add("planner", writer("other", "/ws/b"));
    c.kill("child");
    c.kill("planner");
    for (const auto* pod : {"planner", "child", "other"}) {
        lose(c, pod, fate);
    }
    const auto expected = fate == log_fate::gone ? errc::unknown_segment : errc::empty_segment;
    const auto on_record = c.state().template of<tables::pods>().at("planner").active_segment;
    if (fate != log_fate::kept) {
        const auto before = c.state();
        const auto refused = error_of(c.try_restore("planner"));
        CHECK(refused.category == expected);
        CHECK(refused.subject == on_record);
        CHECK(refused.message.find("replace_lost_segment") != std::string::npos);
        CHECK(c.state() == before);
    }

    auto back = must(c.try_restore("planner", without_log()));
    CHECK(back.report.lost_segment.has_value() == (fate != log_fate::kept));
    if (back.report.lost_segment) {
        CHECK(back.report.lost_segment->category == expected);
        CHECK(back.report.lost_segment->subject == on_record);
    }
    CHECK((must(back.pod.segment()) == on_record) == (fate == log_fate::kept));
    c.hold("planner", std::move(back.pod));
    c.judge_restored("planner");

    std::vector<std::string> outcome;
    for (const auto& one : back.report.ended) {
        outcome.push_back(one.child + " ended: " + std::string{to_string(one.reason)});
    }
    for (const auto& one : back.report.adopted) {
        outcome.push_back(one.child + " adopted from " + one.from);
    }
    for (const auto& one : back.report.kept) {
        outcome.push_back(one + " kept");
    }
    for (const auto* place : {"/", "/ws", "/ws/a/f", "/ws/a/b/f", "/ws/b/f", "/ws/x/f"}) {
        outcome.emplace_back(to_string(may_at(c.at("planner"), place)));
        const auto who = must(c.holder_of("planner").library.who(place));
        outcome.push_back(who ? who->owner.pod : "nobody");
    }
    for (const auto& layer : standing_layers(c.state(), "planner")) {
        outcome.push_back(layer.rule + " for " + layer.child);
    }
    return outcome;
}

TEMPLATE_TEST_CASE("I6 a log that is lost keeps no scope from coming back",
                   "[pod]",
                   here,
                   in_files) {
    std::vector<std::vector<std::string>> outcomes;
    for (const auto fate : all_fates_of_a_log) {
        CAPTURE(fate);
        crew_of<TestType> c{TestType{}};
        outcomes.push_back(outcome_of_a_restore(c, fate));
        auto& planner = c.at("planner");
        CHECK(replayed(planner).front().kind == "podscope.begin");
        const auto index = must(planner.append({.kind = "note"}));

        // From now on that is its log.
        c.kill("planner");
        const auto report = c.restore("planner");
        CHECK_FALSE(report.lost_segment);
        CHECK(must(c.at("planner").append({.kind = "note"})) == index + 1);

        // And a child by itself, whose parent stays.
        c.kill("other");
        auto back = must(c.try_restore("other", without_log()));
        CHECK(back.report.lost_segment.has_value() == (fate != log_fate::kept));
        c.hold("other", std::move(back.pod));
        CHECK(may_at(c.at("other"), "/ws/b/f") == permission::write);
        CHECK(may_at(c.at("planner"), "/ws/b/f") == permission::read);
        c.judge();
    }
    CHECK(outcomes.front().size() > 12);
    CHECK(outcomes.at(1) == outcomes.front());
    CHECK(outcomes.at(2) == outcomes.front());
}

// What can be set right is no loss.
TEST_CASE("F16 a log that others may write is refused and not replaced", "[pod]") {
    crew_of<in_files> c{in_files{}};
    const auto path = c.backend().folder /
                      ("sessions/" + must(c.create(writer("pod", "/ws")).segment()) + ".jsonl");
    c.kill("pod");
    std::filesystem::permissions(path, std::filesystem::perms{0666});
    CHECK(why_not(c.try_restore("pod", without_log())) == errc::unsafe_file);
    std::filesystem::permissions(path, std::filesystem::perms{0600});
    auto back = must(c.try_restore("pod", without_log()));
    CHECK_FALSE(back.report.lost_segment);
}

TEST_CASE("I6 a log whose file was removed or overwritten is replaced and left as it is", "[pod]") {
    for (const std::string_view left : {"", "#!/bin/sh\n", "{\"podscope_session\":1"}) {
        CAPTURE(left);
        crew_of<in_files> c{in_files{}};
        const auto path = c.backend().folder /
                          ("sessions/" + must(c.create(writer("pod", "/ws")).segment()) + ".jsonl");
        c.kill("pod");
        std::ofstream{path, std::ios::trunc} << left;
        const bool is_removed = left.empty();
        if (is_removed) {
            std::filesystem::remove(path);
        }
        auto back = must(c.try_restore("pod", without_log()));
        CHECK(back.report.lost_segment);
        CHECK(std::filesystem::exists(path) == !is_removed);
        CHECK((is_removed || std::filesystem::file_size(path) == left.size()));
    }
}

} // namespace
