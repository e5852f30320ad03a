// SPDX-License-Identifier: BSL-1.0
// A store that fails at any step of any operation of the registry, and rows that cannot be read.
#include "registry/rules.hpp"
#include "support/catch.hpp"
#include "support/faults_everywhere.hpp"
#include "support/results.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/registry/conflict.hpp>
#include <podscope/registry/descent.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/owner.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using namespace podscope;

/// A registry of a line of three, which has handed down what it was given, and of strangers who
/// write where the lowest does.
class faulty_registry {
public:
    faulty_registry() {
        must(store_.write([](auto& txn) {
            podscope::registry live{txn};
            const auto add = [&](allocation row, std::vector<deny_layer> layers) {
                row.adopted = true;
                must(live.insert(std::move(row), layers));
            };
            add({.pod = "top", .allow = {rule("/ws")}, .granted = epoch{1}},
                {layer("/ws", "middle", 2), {rule("/ws/x"), std::nullopt}});
            add({.pod = "middle",
                 .allow = {rule("/ws")},
                 .delegated_from = "top",
                 .granted = epoch{2}},
                {layer("/ws/a", "low", 3)});
            add({.pod = "low",
                 .allow = {rule("/ws/a"), rule("/ws/b", permission::write, false)},
                 .delegated_from = "middle",
                 .granted = epoch{3}},
                {{rule("/ws/a/y"), std::nullopt}});
            add({.pod = "above", .allow = {rule("/")}, .granted = epoch{4}}, {});
            add({.pod = "within", .allow = {rule("/ws/a/b")}, .granted = epoch{5}}, {});
            must(live.set_segment("low", "segment"));
            return result<void>{};
        }));
    }

    /// Calls `act(txn)` with a fault at each of its steps, and judges that it ends with that.
    template <class F>
    void fails_at_each_step_of(F&& act) {
        using verify::step;
        for_each_step({step::get, step::scan, step::put, step::erase}, [&](auto kind, auto number) {
            const fault_at fault{store_.plan(), kind, number};
            std::optional<errc> why;
            // Undone each time.
            auto undone = store_.write([&](auto& txn) -> result<void> {
                if (auto done = act(txn); !done) {
                    why = done.error().category;
                }
                return fail({.category = errc::unavailable, .message = "undone"});
            });
            CHECK(why_not(std::move(undone)) == errc::unavailable);
            CHECK(why == (fault.was_reached() ? std::optional{fault.category} : std::nullopt));
            return fault.was_reached();
        });
    }

    /// The same of what is asked of the registry alone.
    template <class F>
    void fails_at_each_step_of_registry(F&& act) {
        fails_at_each_step_of([&](auto& txn) {
            podscope::registry live{txn};
            return act(live);
        });
    }

private:
    verify::faulty_backend<basic_memory<pod_schema>> store_{basic_memory<pod_schema>{}};
};

const allocation newcomer{.pod = "new",
                          .allow = {rule("/new"), rule("/newer")},
                          .delegated_from = "top",
                          .granted = epoch{9},
                          .adopted = true};

} // namespace

TEST_CASE("F12 an operation of the registry fails with any step of it", "[registry]") {
    faulty_registry r;
    const std::vector<deny_layer> layers{layer("/ws/c", "other", 7), layer("/ws/d", "other", 7)};
    r.fails_at_each_step_of_registry([](auto& live) { return live.find("low"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.is_live("low", epoch{3}); });
    r.fails_at_each_step_of_registry([&](auto& live) { return live.insert(newcomer, layers); });
    r.fails_at_each_step_of_registry([&](auto& live) { return live.update(newcomer); });
    r.fails_at_each_step_of_registry([&](auto& live) { return live.take_over(newcomer); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.erase("low"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.erase("top"); });
    r.fails_at_each_step_of_registry([&](auto& live) { return live.add_layers("low", layers); });
    r.fails_at_each_step_of_registry([&](auto& live) { return live.remove_layers("low", layers); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.layers_of("top"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.descent_of("low"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.children_of("top"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.reparent("low", "top"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.holder_of("segment"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.set_segment("low", "other"); });
    r.fails_at_each_step_of_registry([](auto& live) { return live.set_segment("top", "other"); });
    r.fails_at_each_step_of_registry([](auto& live) {
        return live.for_each_covering_layer("top", region_of(rule("/ws/a")),
                                            [](const deny_layer&) { return scan::next; });
    });
}

TEST_CASE("F12 a search of the registry fails with any step of it", "[registry]") {
    faulty_registry r;
    for (const auto* pod : {"top", "middle", "low", "above", "within"}) {
        CAPTURE(pod);
        r.fails_at_each_step_of([&](auto& txn) { return conflict_search{txn}.of(pod); });
        r.fails_at_each_step_of([&](auto& txn) { return conflict_search{txn}.any_of(pod); });
        r.fails_at_each_step_of([&](auto& txn) {
            hand_down down{txn, region_of(rule("/ws/a"))};
            return down.is_from_to("top", pod);
        });
    }
    for (const auto* place : {"/", "/ws", "/ws/a/b/c", "/ws/b/c"}) {
        CAPTURE(place);
        r.fails_at_each_step_of(
            [&](auto& txn) { return owner_of(txn, must(lexical_path{}.resolve(place))); });
    }
}

TEST_CASE("F39 a claim that cannot be read is corrupt to whoever meets it", "[registry]") {
    using namespace std::string_view_literals;
    for (const std::string_view broken : {"ws\0\0x"sv, "ws\0a\0\0"sv}) {
        basic_memory<pod_schema> store;
        must(store.write([&](auto& txn) -> result<void> {
            podscope::registry live{txn};
            must(live.insert({.pod = "upper", .allow = {rule("/ws")}, .granted = epoch{1}}, {}));
            must(
                live.insert({.pod = "lower", .allow = {rule("/ws/a/b")}, .granted = epoch{2}}, {}));
            return txn.template put<tables::claims>(broken, {});
        }));
        const auto competitors_of = [&](const char* pod) {
            return store.read([&](auto& txn) { return conflict_search{txn}.of(pod); });
        };
        CHECK(why_not(competitors_of("upper")) == errc::corrupt);
        CHECK(why_not(competitors_of("lower")) == errc::corrupt);
        const auto place = must(lexical_path{}.resolve("/ws/a"));
        CHECK(why_not(store.read([&](auto& txn) { return owner_of(txn, place); })) ==
              errc::corrupt);
    }
}

TEST_CASE("F12 a line that cannot be followed fails the search that asks for it both ways",
          "[registry]") {
    basic_memory<pod_schema> store;
    must(store.write([](auto& txn) -> result<void> {
        podscope::registry live{txn};
        const auto add = [&](const char* pod, const char* parent, std::vector<deny_layer> layers) {
            must(live.insert(
                {.pod = pod, .allow = {rule("/ws")}, .delegated_from = parent, .granted = epoch{1}},
                layers));
        };
        // Two strangers who have handed down what they both claim, of whom one descends from
        // itself.
        add("asker", "other end", {layer("/ws", "other end", 1)});
        add("other end", "asker", {layer("/ws", "asker", 1)});
        add("rival", "", {layer("/ws", "somebody", 1)});
        return {};
    }));
    CHECK(why_not(store.read([](auto& txn) { return conflict_search{txn}.of("asker"); })) ==
          errc::corrupt);
}
