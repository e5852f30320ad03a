// SPDX-License-Identifier: BSL-1.0
// Processes that are stopped or cut off for longer than their lease, and go on. Nothing but its own
// clock tells one of them that it may have lost it: its watch is taken to be good for an hour.
#include "support/catch.hpp"
#include "support/etcd_configuration.hpp"
#include "support/eventually.hpp"
#include "support/far_network.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"
#include "support/talking_process.hpp"

#include <podscope/pod/allocation_probe.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sched.h>

namespace {

using namespace podscope_test;
using namespace std::chrono_literals;
namespace rules = podscope::rules;
namespace use = podscope::use;
using podscope::end_reason;
using podscope::errc;
using podscope::manifest;
using podscope::permission;

auto runtime_at(const in_etcd& place) {
    auto store = place.open();
    return podscope::make_runtime(use::backend(store), use::sessions(place.open_sessions()),
                                  use::names(podscope::lexical_path{}),
                                  use::probe(podscope::allocation_probe{store}));
}

using runtime = decltype(runtime_at(std::declval<const in_etcd&>()));

template <class T>
std::string said(const podscope::result<T>& given) {
    return given ? "done" : to_string(given.error());
}

// What holds a pod in another process, and does what it is told.
class holder_program {
public:
    explicit holder_program(const in_etcd& place) : place_{&place}, library_{runtime_at(place)} {}

    [[nodiscard]] std::string obey(const std::string& told) {
        const auto space = told.find(' ');
        const auto what = told.substr(0, space);
        if (what == "adopt") {
            shown_ = podscope::grant::from_text(told.substr(space + 1)).value();
            auto adopted = library_.adopt(shown_);
            const auto answer = said(adopted);
            if (adopted) {
                pod_.emplace(*std::move(adopted));
            }
            return answer;
        }
        if (what == "warm") {
            return library_.parts().backend.bytes().is_warm() ? "yes" : "no";
        }
        if (what == "deafen") {
            place_->wire.deafen();
            place_->wire.meddle([](const podscope::etcd_call& call, const auto& pass) {
                return call.path == "/v3/lease/keepalive" ? backend_test::etcd_wire::lost()
                                                          : pass();
            });
            return "done";
        }
        if (what == "check") {
            return said(pod_->check("/ws/a/f", permission::write));
        }
        if (what == "adopt-again") {
            return said(library_.adopt(shown_));
        }
        if (what == "renew") {
            return said(library_.restore(shown_.pod));
        }
        if (what == "delegate") {
            return said(pod_->delegate(manifest{"late"}.may(rules::write("/ws/a/x"))));
        }
        return what == "release" ? said(pod_->release()) : "what?";
    }

private:
    const in_etcd* place_;
    runtime library_;
    podscope::grant shown_{};
    std::optional<runtime::pod> pod_{};
};

class holding_process : public talking_process {
public:
    /// @param is_far whether it is told to leave the test's network before anything else
    explicit holding_process(const in_etcd& place, bool is_far = false)
        : talking_process{[&](line_to_test line) {
              if (is_far && (!line.hear() || ::unshare(CLONE_NEWNET) != 0 || !line.answer("far"))) {
                  return 1;
              }
              return serve_by<holder_program>(line, place);
          }} {}

    [[nodiscard]] bool is_warm() const { return ask("warm") == "yes"; }
};

// For so short a time that a test can wait for its end.
struct in_short_leased_etcd : in_etcd {
    in_short_leased_etcd() {
        lease_term = 1s;
        freshness = 1h;
    }
};

} // namespace

TEST_CASE("I7 F44 F47 F56 who was stopped past his lease finds himself fenced at the first check",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const in_short_leased_etcd place;
    (void)in_etcd::server();
    holding_process zombie{place};
    const holding_process heir{place};

    in_leased_etcd patient; // who reclaims, and loses nothing itself
    patient.prefix = place.prefix;
    auto library = runtime_at(patient);
    auto planner = must(library.create(manifest{"planner"}.may(rules::write("/ws"))));
    const auto shown = must(planner.delegate(manifest{"child"}.may(rules::write("/ws/a"))));
    REQUIRE(zombie.ask("adopt " + shown.to_text()) == "done");
    REQUIRE(eventually([&] { return zombie.is_warm(); }));
    CHECK(zombie.ask("check") == "done");
    CHECK_FALSE(must(planner.reconcile()).changed());

    // Neither its watch nor its renewals are to hear of anything before its first check.
    CHECK(zombie.ask("deafen") == "done");
    zombie.stop();
    REQUIRE(eventually([&] { return !must(library.find("child")); }));
    const auto report = must(planner.reconcile());
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "child");
    CHECK(report.ended.front().granted == shown.granted);
    CHECK(report.ended.front().reason == end_reason::absent);
    CHECK(must(library.layers_of("planner")).empty());
    CHECK(planner.check("/ws/a/f", permission::write));

    // Whether its name is the next one's, too.
    const bool same_name = GENERATE(false, true);
    CAPTURE(same_name);
    const auto next =
        must(planner.delegate(manifest{same_name ? "child" : "heir"}.may(rules::write("/ws/a"))));
    CHECK(next.granted > shown.granted);
    REQUIRE(heir.ask("adopt " + next.to_text()) == "done");
    auto store = place.open();
    const stored_state before{store};

    zombie.resume();
    const std::vector<std::pair<std::string, errc>> tries{
        {"check", errc::revoked},
        {"adopt-again", errc::stale_epoch},
        {"renew", same_name ? errc::already_live : errc::stale_epoch},
        {"delegate", errc::revoked},
        {"release", errc::revoked},
        {"check", errc::revoked},
    };
    for (const auto& [what, why] : tries) {
        const auto answer = zombie.ask(what);
        CAPTURE(what, answer);
        CHECK(answer.starts_with(std::string{to_string(why)} + ": "));
        CHECK(answer.find("'child'") != std::string::npos);
        CHECK(stored_state{store} == before);
    }
    CHECK(heir.ask("check") == "done");
    CHECK_FALSE(must(planner.reconcile()).changed());
}

TEST_CASE("I7 F44 who cannot reach the cluster past his lease is refused, and is fenced after that",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    in_short_leased_etcd place;
    place.deadline = 500ms;
    const auto library = runtime_at(place);
    auto mine = library;
    auto pod = must(mine.create(manifest{"root"}.may(rules::write("/ws"))));
    auto backend = library.parts().backend;
    REQUIRE(eventually([&] { return backend.bytes().is_warm(); }));
    REQUIRE(pod.check("/ws/f", permission::write));

    place.wire.meddle([](const auto&, const auto&) { return backend_test::etcd_wire::lost(); });
    REQUIRE(eventually([&] { return !backend.bytes().is_warm(); }));
    CHECK(why_not(pod.check("/ws/f", permission::write)) == errc::unavailable);

    in_leased_etcd elsewhere;
    elsewhere.prefix = place.prefix;
    auto other = runtime_at(elsewhere);
    REQUIRE(eventually([&] { return !must(other.find("root")); }));
    const auto next = must(other.create(manifest{"other"}.may(rules::write("/ws"))));
    CHECK(why_not(pod.check("/ws/f", permission::write)) == errc::unavailable);
    place.wire.meddle({});
    CHECK(why_not(pod.check("/ws/f", permission::write)) == errc::revoked);
    CHECK(why_not(pod.release()) == errc::revoked);
    CHECK(next.check("/ws/f", permission::write));
}

TEST_CASE("I7 F44 F56 a host that was cut off past its lease finds itself fenced when it is back",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    if (!far_network::is_possible()) {
        PODSCOPE_SKIP("no network can be made here");
    }
    const far_network network;
    const etcd_server server{{}, "http", network.near()};
    in_short_leased_etcd place;
    place.at = server.endpoint();
    place.deadline = 1s;
    const holding_process zombie{place, /*is_far=*/true};
    REQUIRE(zombie.ask("leave") == "far");
    network.connect(zombie.pid());

    in_leased_etcd here;
    here.at = place.at;
    here.prefix = place.prefix;
    auto library = runtime_at(here);
    auto planner = must(library.create(manifest{"planner"}.may(rules::write("/ws"))));
    const auto shown = must(planner.delegate(manifest{"child"}.may(rules::write("/ws/a"))));
    REQUIRE(zombie.ask("adopt " + shown.to_text()) == "done");
    REQUIRE(eventually([&] { return zombie.is_warm(); }));
    CHECK(zombie.ask("check") == "done");

    network.cut();
    REQUIRE(eventually([&] { return !must(library.find("child")); }));
    CHECK(zombie.ask("check") != "done");
    const auto report = must(planner.reconcile());
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().granted == shown.granted);
    const auto next = must(planner.delegate(manifest{"heir"}.may(rules::write("/ws/a"))));
    const auto heir = must(library.adopt(next));
    CHECK(zombie.ask("check") != "done");
    auto store = here.open();
    const stored_state before{store};

    network.mend();
    std::string answer;
    CHECK(eventually([&] {
        answer = zombie.ask("check");
        return answer.starts_with("revoked: ") || answer == "done";
    }));
    CAPTURE(answer);
    CHECK(answer.starts_with("revoked: "));
    CHECK(zombie.ask("adopt-again").starts_with("stale_epoch: "));
    CHECK(zombie.ask("renew").starts_with("stale_epoch: "));
    CHECK(zombie.ask("delegate").starts_with("revoked: "));
    CHECK(zombie.ask("release").starts_with("revoked: "));
    CHECK(stored_state{store} == before);
    CHECK(heir.check("/ws/a/f", permission::write));
}
