// SPDX-License-Identifier: BSL-1.0
// What a pod shows to whoever acts on its behalf.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/pod/permit.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/memory.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

using namespace podscope_test;
using podscope::epoch;
using podscope::errc;
using podscope::permit;
using podscope::resource;

using here = configuration<in_memory, by_script, to_queue>;
using crew_here = crew_of<here>;
using places = std::tuple<in_memory>;

permit made(std::string pod, std::uint64_t granted, std::string_view path, permission access) {
    return {.by = {.pod = std::move(pod), .granted = epoch{granted}},
            .place = must(podscope::lexical_path{}.resolve(path)),
            .access = access};
}

/// A store after whose next read something else happens first. It has no generation, so that each
/// check looks.
class interrupted_memory {
public:
    using store = podscope::basic_memory<podscope::pod_schema>;
    static constexpr podscope::durability durable = store::durable;
    static constexpr podscope::reach reaches = store::reaches;
    using reader = store::reader;
    using writer = store::writer;

    interrupted_memory(store under, std::shared_ptr<std::function<void()>> next)
        : under_{std::move(under)},
          next_{std::move(next)} {}

    template <class F>
    auto read(F&& body) {
        auto done = under_.read(std::forward<F>(body));
        if (const auto what = std::exchange(*next_, nullptr)) {
            what();
        }
        return done;
    }

    template <class F>
    auto write(F&& body) {
        return under_.write(std::forward<F>(body));
    }

private:
    store under_;
    std::shared_ptr<std::function<void()>> next_;
};

template <class Pod>
concept gives_permits_as_it_goes =
    requires(Pod pod) { std::move(pod).permit_for("/ws", permission::write); };

static_assert(!gives_permits_as_it_goes<crew_here::pod>);

} // namespace

#include "anywhere/permit.hpp"

TEST_CASE("a permit is read back from the word that it is written as", "[pod]") {
    CHECK(made("planner", 17, "/ws/a", permission::write).to_text() == "17/planner/write/ws/a");
    CHECK(made("a b%", 1, "/w\xFFs/\n%/x", permission::read).to_text() ==
          "1/a%20b%25/read/w%FFs/%0A%25/x");
    CHECK(made("n", 1, "/a~b\x7F", permission::read).to_text() == "1/n/read/a~b%7F");
    for (const auto& one : {
             made("planner", 17, "/ws/a", permission::write),
             made("planner", 0, "/", permission::read),
             made("a b%2F", 18'446'744'073'709'551'615U, "/ws/%/ \x01\x7F\xFF/%2F",
                  permission::read),
             made("n", 1, "/e/\xC3\xA4", permission::write),
         }) {
        CAPTURE(one.to_text());
        CHECK(must(permit::from_text(one.to_text())) == one);
        auto later = one;
        later.returned = epoch{18'446'744'073'709'551'615U};
        CHECK(must(permit::from_text(later.to_text())) == later);
        CHECK(later.fence() == *later.returned);
    }
    auto returned = made("planner", 17, "/ws/a", permission::write);
    returned.returned = epoch{23};
    CHECK(returned.to_text() == "17+23/planner/write/ws/a");
}

TEST_CASE("what no permit is written as is refused", "[pod]") {
    for (const std::string_view text : {
             "",
             "17",
             "17/planner",
             "17/planner/write",
             "17/planner/none/ws",
             "17/planner/writes/ws",
             "17/planner/write/ws/",
             "17/planner/write//ws",
             "17/planner/write/ws/%41",
             "17/planner/write/ws/%0a",
             "17/planner/write/ws/%00",
             "17/planner/write/ws/%",
             "17/planner/write/ws/a b",
             "017/planner/write/ws",
             "-1/planner/write/ws",
             "99999999999999999999/planner/write/ws",
             "17//write/ws",
             "17/plan%2Fner/write/ws",
             "17+/planner/write/ws",
             "17+x/planner/write/ws",
             "17+023/planner/write/ws",
             "17+23+/planner/write/ws",
             "17+99999999999999999999/planner/write/ws",
             "+23/planner/write/ws",
         }) {
        CAPTURE(text);
        const auto read = permit::from_text(text);
        REQUIRE_FALSE(read.has_value());
        const auto found = read.error().category;
        CHECK((found == errc::invalid_target || found == errc::invalid_name));
    }
}

TEST_CASE("I7, P1 a permit's fence is of the moment at which its place was the pod's", "[pod]") {
    const interrupted_memory::store memory;
    const auto next = std::make_shared<std::function<void()>>();
    podscope::memory_sessions sessions;
    auto library = podscope::make_runtime(podscope::use::backend(interrupted_memory{memory, next}),
                                          podscope::use::sessions(sessions),
                                          podscope::use::names(podscope::lexical_path{}));
    auto other =
        podscope::make_runtime(podscope::use::backend(memory), podscope::use::sessions(sessions),
                               podscope::use::names(podscope::lexical_path{}));
    auto planner = must(library.create(writer("planner", "/ws")));
    auto child = must(other.adopt(must(planner.delegate(writer("child", "/ws/a")))));
    const auto of_child = must(child.permit_for("/ws/a/f", permission::write));

    // The place comes back after the planner has looked.
    *next = [&] { must(child.release()); };
    const auto given = planner.permit_for("/ws/a/f", permission::write);
    CHECK_FALSE(*next);
    CHECK((!given || given->fence() > of_child.fence()));
    CHECK(must(planner.permit_for("/ws/a/f", permission::write)).fence() > of_child.fence());
}
