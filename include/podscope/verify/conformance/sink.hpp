// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/sink/concept.hpp>
#include <podscope/verify/conformance/opened.hpp>
#include <podscope/verify/conformance/report.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope::verify {

namespace conformance {

/// Any sink, as the kit sees it, with what its place knows.
struct told_place {
    std::function<result<void>(const notification&)> notify{};
    std::function<std::vector<std::string>()> taken{};
    std::function<void(bool)> refuse{}; ///< empty if its place has none
};

using sink_place_maker = std::function<result<told_place>()>;

[[nodiscard]] inline notification some_notification(std::string id) {
    return {.id = std::move(id), .pod = "parent", .child = "child", .delegator = "parent"};
}

inline void tell(trial& t, const told_place& at, const notification& told) {
    t.step("tell " + in_quotes(told.id));
    t.must(at.notify(told), "that");
}

inline void expect_taken(trial& t, const told_place& at, const std::set<std::string>& wanted) {
    const auto taken = at.taken();
    const std::set<std::string> found{taken.begin(), taken.end()};
    t.equal(std::vector<std::string>(found.begin(), found.end()),
            std::vector<std::string>(wanted.begin(), wanted.end()), "what was taken");
}

inline void keeps_what_it_took(trial& t, const sink_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    expect_taken(t, at, {});
    tell(t, at, some_notification("1"));
    tell(t, at, some_notification("2"));
    tell(t, at, some_notification("3"));
    expect_taken(t, at, {"1", "2", "3"});
}

inline void takes_the_same_again(trial& t, const sink_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    tell(t, at, some_notification("1"));
    tell(t, at, some_notification("1"));
    tell(t, at, some_notification("2"));
    tell(t, at, some_notification("1"));
    expect_taken(t, at, {"1", "2"});
}

inline void takes_all_kinds(trial& t, const sink_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    auto large = some_notification("large");
    resource deep;
    for (int i = 0; i < 100; ++i) {
        deep.push("a\n\"b\"\\\x01");
        large.rules.push_back({deep, permission::write, i % 2 == 0});
    }
    large.pod = std::string(255, 'p');
    large.child = "\xC3\xA9";
    large.at_ms = -1;
    tell(t, at, large);
    auto adopted = some_notification("adopted");
    adopted.what = event::adopted;
    adopted.reason = end_reason::missing;
    tell(t, at, adopted);
    expect_taken(t, at, {"adopted", "large"});
}

inline void takes_from_threads(trial& t, const sink_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    const int each = static_cast<int>(5 * t.options().rounds);
    t.step("tell " + std::to_string(each) + " in each of 4 threads");
    std::atomic<int> failed{0};
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    std::set<std::string> wanted;
    for (int n = 0; n < 4; ++n) {
        for (int i = 0; i < each; ++i) {
            wanted.insert(std::to_string(n) + ":" + std::to_string(i));
        }
        threads.emplace_back([&, n] {
            ++ready;
            while (ready != 4) {
                std::this_thread::yield();
            }
            for (int i = 0; i < each; ++i) {
                const auto id = std::to_string(n) + ":" + std::to_string(i);
                failed += guarded([&] { return at.notify(some_notification(id)); }) ? 0 : 1;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    t.equal(failed.load(), 0, "the number of failures");
    const auto taken = at.taken();
    const std::set<std::string> found{taken.begin(), taken.end()};
    t.equal(found.size(), wanted.size(), "the number of those that were taken");
    t.expect(found == wanted, "others were taken than were told");
}

inline void says_what_it_refuses(trial& t, const sink_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    tell(t, at, some_notification("1"));
    t.step("have it refuse");
    at.refuse(true);
    t.step("tell '2'");
    t.expect(!at.notify(some_notification("2")), "it succeeded");
    t.step("have it take again");
    at.refuse(false);
    tell(t, at, some_notification("2"));
    tell(t, at, some_notification("3"));
    expect_taken(t, at, {"1", "2", "3"});
}

} // namespace conformance

/// Puts a sink through all that the core relies on.
///
///     struct place {
///         auto open() { return my_sink{…}; }
///         std::vector<std::string> taken() { … } // the ids that the other side has got
///         void refuse(bool on) { … }             // where it can be made to fail
///     };
///
/// @param make gives a place: something whose `open()` gives a sink, or the result of one, and
/// whose `taken()` gives the ids of all that it took charge of until then; it is never asked while
/// somebody tells. The place lives as long as its sink.
///
/// What it declares in `deviations` is in the report, and not tried. In threads of its own.
template <class Make>
[[nodiscard]] conformance_report check_sink(Make make, const conformance_options& options = {}) {
    using namespace conformance;
    using place = std::invoke_result_t<Make&>;
    using sink = plug_in_of<place>;
    static_assert(notification_sink<sink>,
                  "podscope: check_sink takes what makes places whose open() gives a "
                  "notification_sink: result<void> notify(const notification&)");
    constexpr bool can_refuse = requires(place& at) { at.refuse(true); };

    const sink_place_maker opened = [&]() -> result<told_place> {
        const auto made = open_place(make);
        if (!made) {
            return fail(error{made.error()});
        }
        const auto& whole = *made;
        told_place seen;
        seen.notify = [whole](const notification& told) { return whole->opened->notify(told); };
        seen.taken = [whole] { return whole->at.taken(); };
        if constexpr (can_refuse) {
            seen.refuse = [whole](bool on) { whole->at.refuse(on); };
        }
        return seen;
    };

    kit_run kit{"sink", deviations_of<sink>(), options};
    const auto by = checks_of(opened);
    kit.promise("what it answered success for is taken", by(keeps_what_it_took));
    kit.promise("the same may be told again and hides no other", by(takes_the_same_again));
    kit.promise("all that a notification may hold is taken", by(takes_all_kinds));
    kit.promise("threads may tell at once", by(takes_from_threads));
    kit.promise_if(can_refuse, "its place has no refuse(bool)",
                   "a refusal is an error and what was refused is taken later",
                   by(says_what_it_refuses));
    return std::move(kit).done();
}

} // namespace podscope::verify
