// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/pod/grant.hpp>
#include <podscope/store/pod_store.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;

using here = configuration<in_memory, by_script, to_queue>;
using crew_here = crew_of<here>;
using places = std::tuple<in_memory>;

} // namespace

#include "anywhere/pod.hpp"

namespace {

// Names that lead to where the test says.
struct followed_names {
    using step = std::function<std::string(std::string_view)>;
    std::shared_ptr<step> follow{std::make_shared<step>()};

    [[nodiscard]] podscope::result<podscope::resource> resolve(std::string_view text) const {
        return podscope::lexical_path{}.resolve(*follow ? (*follow)(text) : std::string{text});
    }

    [[nodiscard]] std::string display(const podscope::resource& place) const {
        return podscope::lexical_path{}.display(place);
    }
};

struct pod_by_followed_names {
    using parts = podscope::runtime_parts<in_memory::store,
                                          in_memory::sessions,
                                          any_probe,
                                          any_sink,
                                          followed_names,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::given_process>;

    void follow(followed_names::step step) { *names.follow = std::move(step); }

    crew_here c{here{}};
    followed_names names{};
    crew_here::member by{c.hire()};
    podscope::basic_runtime<parts> library{parts{c.backend().open(),
                                                 c.backend().open_sessions(),
                                                 c.own_probe(),
                                                 any_sink::of(podscope::queue_sink{}),
                                                 names,
                                                 {},
                                                 {},
                                                 {by.who->identity()}}};
    podscope::basic_pod<parts> pod{must(library.create(writer("pod", "/ws")))};
};

TEST_CASE("F15 a check that cannot be made allows nothing", "[pod]") {
    pod_by_followed_names one;
    must(one.pod.check("/ws/f", permission::write));
    one.follow([](std::string_view) -> std::string { throw std::bad_alloc{}; });
    CHECK_FALSE(one.pod.check("/ws/f", permission::write));
    one.follow({});
    must(one.pod.check("/ws/f", permission::write));
}

TEST_CASE("I1 a permit is for the place that was judged, whatever its name leads to next",
          "[pod]") {
    pod_by_followed_names one;
    int looked = 0;
    one.follow([&](std::string_view) -> std::string { return ++looked == 1 ? "/other" : "/ws"; });
    CHECK(why_not(one.pod.permit_for("/link", permission::write)) == errc::denied);
    CHECK(must(one.pod.permit_for("/link", permission::write)).place ==
          must(podscope::lexical_path{}.resolve("/ws")));
}

TEST_CASE("a grant survives being written as text", "[pod]") {
    using podscope::grant;
    for (const auto& one : {grant{"child", podscope::epoch{17}}, grant{"a b", podscope::epoch{1}},
                            grant{"17-3", podscope::epoch{~std::uint64_t{0}}}}) {
        CHECK(must(grant::from_text(one.to_text())) == one);
    }
    for (const auto* bad : {"", "/", "17", "17/", "/child", "x/child", "17/a/b", "-1/child",
                            "17-child", "18446744073709551616/child", "17/.."}) {
        CAPTURE(bad);
        CHECK(why_not(grant::from_text(bad)) == errc::invalid_name);
    }
}

} // namespace
