// SPDX-License-Identifier: BSL-1.0
// All operations that change something, each with what has to be there before.
#pragma once

#include "regimes/crash_company.hpp"
#include "support/results.hpp"

#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>

#include <string>
#include <utility>
#include <vector>

namespace regimes {

template <class Store>
class crash_operations {
public:
    using company = crash_company<Store>;

    struct operation {
        const char* name{};
        void (*populate)(company&){}; ///< in a process of its own, which dies of it
        void (*prepare)(company&){};  ///< in the process that does the operation then
        void (*perform)(company&){};
    };

    [[nodiscard]] static const std::vector<operation>& all() {
        static const std::vector<operation> list{
            {"open", nothing, nothing, [](company& c) { (void)c.library(); }},
            {"create", family, opened, [](company& c) { c.create(writer_at("fresh", "/b")); }},
            {"create over the dead", family, opened,
             [](company& c) { c.create(writer_at("heir", "/a")); }},
            {"delegate", family, planner,
             [](company& c) { (void)must(c.at("planner").delegate(writer_at("new", "/ws/a"))); }},
            {"delegate to all", family, planner,
             [](company& c) {
                 const std::vector children{writer_at("new", "/ws/a"), writer_at("newer", "/ws/b")};
                 (void)must(c.at("planner").delegate_all(children));
             }},
            {"adopt", family,
             [](company& c) {
                 planner(c);
                 (void)must(c.at("planner").delegate(writer_at("new", "/ws/a")));
             },
             [](company& c) {
                 c.adopt({.pod = "new", .granted = must(c.library().find("new")).value().granted});
             }},
            {"reclaim", family, generations,
             [](company& c) { (void)must(c.at("planner").reclaim("new")); }},
            {"release", family, generations, [](company& c) { (void)must(c.at("new").release()); }},
            {"release a root", family, generations,
             [](company& c) { (void)must(c.at("planner").release()); }},
            {"reconcile", family,
             [](company& c) {
                 generations(c);
                 c.drop("new");
             },
             [](company& c) { (void)must(c.at("planner").reconcile()); }},
            {"restore", family, opened, [](company& c) { c.restore("planner"); }},
            {"restore by a manifest", family, opened,
             [](company& c) {
                 c.restore(writer_at("planner", "/ws").may_not(podscope::rules::write("/ws/b")));
             }},
            {"reclaim the stale", family, opened,
             [](company& c) { (void)must(c.library().reclaim_stale()); }},
            {"deliver", family,
             [](company& c) {
                 c.set_sink(false);
                 planner(c);
                 c.set_sink(true);
             },
             [](company& c) { (void)must(c.library().deliver("planner")); }},
            {"set the endpoint", family, planner,
             [](company& c) { must(c.at("planner").set_endpoint("unix:/somewhere")); }},
            {"switch the segment", family,
             [](company& c) {
                 planner(c);
                 c.other_segment = must(c.sessions().create({}));
                 must(c.sessions().append(c.other_segment, {.kind = "note", .body = "another"}));
             },
             [](company& c) { must(c.at("planner").switch_segment(c.other_segment)); }},
            {"append", family, planner,
             [](company& c) {
                 for (const auto* text : {"one", "two"}) {
                     must(c.at("planner").append({.kind = "note", .body = text}));
                     c.advance();
                     c.report();
                 }
             }},
            // Commits of a size that has the journal compacted, in several pieces, and more than
            // once.
            {"compact", family,
             [](company& c) {
                 planner(c);
                 c.add("planner", writer_at("new", "/ws/a"));
                 must(c.at("new").set_endpoint(std::string(20'000, 'x')));
             },
             [](company& c) {
                 for (char letter = 'a'; letter != 'u'; ++letter) {
                     must(c.at("planner").set_endpoint(std::string(20'000, letter)));
                     c.report();
                 }
             }},
            {"close", family, generations, [](company& c) { c.close(); }},
        };
        return list;
    }

private:
    template <class T>
    static T must(podscope::result<T> got) {
        return podscope_test::must(std::move(got));
    }

    static void nothing(company&) {}

    static void opened(company& c) { (void)c.library(); }

    // Three generations, a child that nobody has adopted, and a stranger.
    static void family(company& c) {
        c.create(writer_at("planner", "/ws"));
        c.add("planner", writer_at("child", "/ws/a"));
        c.add("child", writer_at("grand", "/ws/a/a"));
        (void)must(c.at("planner").delegate(writer_at("pending", "/ws/b")));
        c.create(writer_at("stranger", "/a"));
    }

    static void planner(company& c) { c.restore("planner"); }

    static void generations(company& c) {
        planner(c);
        c.add("planner", writer_at("new", "/ws/a"));
        c.add("new", writer_at("newer", "/ws/a/a"));
    }
};

} // namespace regimes
