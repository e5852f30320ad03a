// SPDX-License-Identifier: BSL-1.0
#include "sink/sinks.hpp"

#include <podscope/session/memory.hpp>
#include <podscope/sink/notification_json.hpp>
#include <podscope/sink/session_log.hpp>

#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

std::vector<session_entry> entries_of(memory_sessions& sessions, const std::string& segment) {
    std::vector<session_entry> all;
    const auto read = sessions.read(segment, 0, [&](std::uint64_t, const session_entry& entry) {
        all.push_back(entry);
        return scan::next;
    });
    REQUIRE(read);
    return all;
}

} // namespace

TEST_CASE("A notification becomes an entry of the segment", "[sink]") {
    memory_sessions sessions;
    const auto segment = sessions.create({}).value();
    session_log_sink sink{sessions, slashes{}, segment};
    static_assert(notification_sink<decltype(sink)>);
    auto one = told("1");
    one.rules = {{resource{}.child("src"), permission::write, true}};
    REQUIRE(sink.notify(one));
    REQUIRE(sessions.append(segment, {"prompt", "in between"}));
    REQUIRE(sink.notify(told("2")));
    const auto all = entries_of(sessions, segment);
    REQUIRE(all.size() == 3);
    REQUIRE(all[0].kind == "notification");
    REQUIRE(all[0].body ==
            to_json(one, [](const resource& place) { return slashes{}.display(place); }));
    REQUIRE(all[0].body.find("\"/src\"") != std::string::npos);
    REQUIRE(all[2].body.find("\"id\":\"2\"") != std::string::npos);
}

TEST_CASE("F41 without a segment a notification is not taken", "[sink]") {
    memory_sessions sessions;
    session_log_sink sink{sessions, slashes{}};
    auto given_to_the_runtime = sink;
    const auto refused = given_to_the_runtime.notify(told("1"));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().category == errc::unavailable);
    REQUIRE(refused.error().subject == "1");

    const auto segment = sessions.create({}).value();
    sink.set_segment(segment);
    REQUIRE(given_to_the_runtime.segment() == segment);
    REQUIRE(given_to_the_runtime.notify(told("1")));
    REQUIRE(entries_of(sessions, segment).size() == 1);

    sink.set_segment({});
    REQUIRE_FALSE(given_to_the_runtime.notify(told("2")));
}

TEST_CASE("F41 a segment that is gone is an error of the sink", "[sink]") {
    session_log_sink sink{memory_sessions{}, slashes{}, std::string(32, '0')};
    REQUIRE(sink.notify(told("1")).error().category == errc::unknown_segment);
}

TEST_CASE("Threads that log while the segment changes lose nothing", "[sink][concurrent]") {
    memory_sessions sessions;
    const std::vector segments{sessions.create({}).value(), sessions.create({}).value()};
    session_log_sink sink{sessions, slashes{}, segments[0]};
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t)
        threads.emplace_back([t, copy = sink]() mutable {
            for (int i = 0; i != 100; ++i)
                (void)copy.notify(told(std::to_string(t) + ":" + std::to_string(i)));
        });
    for (std::size_t i = 0; i != 100; ++i)
        sink.set_segment(segments[i % 2]);
    for (auto& thread : threads)
        thread.join();
    std::multiset<std::string> bodies;
    for (const auto& segment : segments)
        for (const auto& entry : entries_of(sessions, segment))
            bodies.insert(entry.body);
    REQUIRE(bodies.size() == 300);
    REQUIRE(std::set<std::string>{bodies.begin(), bodies.end()}.size() == 300);
}
