// SPDX-License-Identifier: BSL-1.0
// The stage of a test: pods by name, each held by a process of its own through a runtime of its
// own, all of them over one backend.
#pragma once

#include "support/configurations.hpp"
#include "support/invariants.hpp"
#include "support/patience.hpp"
#include "support/people.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/names.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/store/pod_store.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope_test {

using namespace std::chrono_literals;
using podscope::manifest;
namespace rules = podscope::rules;
using podscope::permission;

/// For those who never answer: whoever answers does so at once.
inline constexpr std::chrono::milliseconds impatience{1'000};

/// The places by which tests with a crew judge: those below /ws to a depth that is two more than
/// rules go, under names that rules mention and one that none does.
[[nodiscard]] inline const reference_universe& crew_places() {
    static const reference_universe all{{"ws", "a", "b", "x", "other"}, 5};
    return all;
}

/// The parts of a runtime over a backend of configurations.hpp with nothing of a crew's in them:
/// its pods are held by the process that runs it, and the system is asked who lives.
template <class Backend,
          class Sessions = typename Backend::sessions,
          class Sink = podscope::queue_sink,
          class Self = podscope::calling_process>
using system_parts = podscope::runtime_parts<typename Backend::store,
                                             Sessions,
                                             podscope::process_probe,
                                             Sink,
                                             podscope::lexical_path,
                                             podscope::reclaim_and_fence,
                                             podscope::system_clocks,
                                             Self>;

/// @tparam Backend one of configurations.hpp
/// @tparam Probe, Sink the types that the runtimes are made with: stand-ins, or the real ones
template <class Backend, class Probe, class Sink>
class crew {
public:
    using parts = podscope::runtime_parts<typename Backend::store,
                                          typename Backend::sessions,
                                          Probe,
                                          Sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::given_process>;
    using runtime = podscope::basic_runtime<parts>;
    using pod = podscope::basic_pod<parts>;

    template <class Configuration>
    explicit crew(Configuration)
        : of_killed{Configuration::probe::of_killed},
          of_hung{Configuration::probe::of_hung} {
        UNSCOPED_INFO("with " << Configuration::name());
        auto probe = std::make_shared<typename Configuration::probe>();
        auto sink = std::make_shared<typename Configuration::sink>();
        people_ = probe->find_people();
        make_probe_ = [probe] { return made<Probe>(*probe); };
        make_sink_ = [sink] { return made<Sink>(*sink); };
        taken_ = [sink] { return sink->taken(); };
    }

    /// What the probe says of a process that was killed, and of one that was stopped.
    const podscope::verdict of_killed;
    const podscope::verdict of_hung;

    /// Why a delegation ends whose child was killed.
    [[nodiscard]] podscope::end_reason reason_of_killed() const {
        return of_killed == podscope::verdict::missing ? podscope::end_reason::missing
                                                       : podscope::end_reason::unreachable;
    }

    /// Those who are hired from now on ask this probe, which may ask the crew's own in turn.
    void use(std::function<Probe()> probe) { make_probe_ = std::move(probe); }

    [[nodiscard]] Probe own_probe() const { return make_probe_(); }

    /// Those who are hired from now on tell this sink.
    void use(std::function<Sink()> sink) { make_sink_ = std::move(sink); }

    /// A process and its runtime.
    struct member {
        std::unique_ptr<person> who;
        runtime library;
    };

    [[nodiscard]] member hire() {
        auto who = people_->hire();
        auto identity = who->identity();
        return {std::move(who), runtime{parts{backend_.open(),
                                              backend_.open_sessions(),
                                              make_probe_(),
                                              make_sink_(),
                                              {},
                                              {},
                                              {},
                                              {std::move(identity)}}}};
    }

    // Pods.

    pod& create(const manifest& wanted, podscope::pod_options options = {}) {
        return hold(wanted.name, must(try_create(wanted, std::move(options))));
    }

    /// A new process tries it.
    [[nodiscard]] auto try_create(const manifest& wanted, podscope::pod_options options = {}) {
        newest_ = hire();
        options.endpoint = endpoint_for(wanted.name);
        options.probe_time = patience;
        return newest_->library.create(wanted, options);
    }

    [[nodiscard]] podscope::grant delegate(std::string_view parent, const manifest& child) {
        return must(at(parent).delegate(child, patience));
    }

    [[nodiscard]] auto try_adopt(const podscope::grant& shown, podscope::pod_options options = {}) {
        newest_ = hire();
        options.endpoint = endpoint_for(shown.pod);
        options.probe_time = patience;
        return newest_->library.adopt(shown, options);
    }

    pod& adopt(const podscope::grant& shown) { return hold(shown.pod, must(try_adopt(shown))); }

    /// Delegates, and lets a new process adopt.
    pod& add(std::string_view parent, const manifest& child) {
        return adopt(delegate(parent, child));
    }

    /// `wanted` is a name or a manifest.
    template <class Wanted>
    [[nodiscard]] auto try_restore(const Wanted& wanted,
                                   std::chrono::milliseconds probe_time = patience) {
        return try_restore(wanted, podscope::restore_options{.probe_time = probe_time});
    }

    template <class Wanted>
    [[nodiscard]] auto try_restore(const Wanted& wanted, podscope::restore_options options) {
        newest_ = hire();
        options.endpoint = endpoint_for(name_of(wanted));
        return newest_->library.restore(wanted, options);
    }

    template <class Wanted>
    podscope::reconcile_report restore(const Wanted& wanted,
                                       std::chrono::milliseconds probe_time = patience) {
        auto back = must(try_restore(wanted, probe_time));
        hold(name_of(wanted), std::move(back.pod));
        return std::move(back.report);
    }

    /// Keeps what the last try has got. What was held under that name before becomes a zombie.
    pod& hold(const std::string& name, pod got) {
        newest_->who->answer_for(name, got.granted());
        forget(name);
        auto& held = held_[name];
        held = std::make_unique<held_pod>(held_pod{std::move(*newest_), std::move(got)});
        newest_.reset();
        return held->got;
    }

    [[nodiscard]] pod& at(std::string_view name) { return find(name).got; }

    [[nodiscard]] member& holder_of(std::string_view name) { return find(name).by; }

    // Accidents.

    /// The process that holds the pod dies. Its pod object stays, as a zombie that may try things.
    pod& kill(const std::string& name) {
        find(name).by.who->kill();
        return *forget(name);
    }

    /// The same without a word from the kernel to anybody who asks at a socket.
    pod& hang(const std::string& name) {
        find(name).by.who->hang();
        return *forget(name);
    }

    /// The pod's allocation leaves the registry behind everybody's back, as a lease would run out.
    pod& vanish(const std::string& name) {
        auto store = backend_.open();
        must(store.write([&](auto& txn) { return podscope::registry{txn}.erase(name); }));
        return *forget(name);
    }

    /// The pod's allocation changes behind everybody's back: `change(row)`.
    template <class F>
    void tamper(const std::string& name, F&& change) {
        auto store = backend_.open();
        must(store.write([&](auto& txn) -> podscope::result<void> {
            auto row = must(podscope::registry{txn}.find(name));
            if (!row) {
                return podscope::fail({.category = podscope::errc::corrupt}); // or on a guess
            }
            change(*row);
            return podscope::registry{txn}.update(*row);
        }));
    }

    /// And so does its record.
    template <class F>
    void tamper_record(const std::string& name, F&& change) {
        auto store = backend_.open();
        must(store.write([&](auto& txn) -> podscope::result<void> {
            auto record = podscope::pod_store{txn}.require(name);
            if (!record) {
                return podscope::fail(record); // or on a guess
            }
            change(*record);
            return podscope::pod_store{txn}.put(*record);
        }));
    }

    /// The pod object, from now on not among those that are expected to live. It stays where it is
    /// until the crew goes.
    pod* forget(const std::string& name) {
        auto found = held_.extract(name);
        if (found.empty()) {
            return nullptr;
        }
        zombies_.push_back(std::move(found.mapped()));
        return &zombies_.back()->got;
    }

    // Judgement.

    [[nodiscard]] stored_state state() {
        auto store = backend_.open();
        return stored_state{store};
    }

    [[nodiscard]] std::set<std::string> told() {
        const auto all = taken_();
        return {all.begin(), all.end()};
    }

    [[nodiscard]] std::vector<std::string> told_one_by_one() { return taken_(); }

    /// The invariants hold, for what is stored and for all pods that are held.
    void judge() {
        std::vector<pod_in_memory> in_memory;
        for (auto& [name, one] : held_) {
            in_memory.push_back({name, one->got.granted(), must(one->got.current_scope())});
        }
        const auto broken = broken_invariants(state(), crew_places(), in_memory, told());
        CAPTURE(broken);
        REQUIRE(broken.empty());
    }

    /// And everybody that this pod has delegated to is live.
    void judge_restored(const std::string& name) {
        judge();
        const auto now = state();
        const auto broken = inspection{now, crew_places()}.all_children_live(name).broken();
        CAPTURE(broken);
        REQUIRE(broken.empty());
    }

    [[nodiscard]] Backend& backend() { return backend_; }

private:
    struct held_pod {
        member by;
        pod got;
    };

    template <class As, class Kind>
    static As made(Kind& kind) {
        if constexpr (std::is_same_v<As, any_probe> || std::is_same_v<As, any_sink>) {
            return As::of(kind.make());
        } else {
            return kind.make();
        }
    }

    [[nodiscard]] std::string endpoint_for(const std::string& name) {
        return podscope::check_name(name) ? newest_->who->endpoint_for(name) : std::string{};
    }

    static std::string name_of(std::string_view name) { return std::string{name}; }

    static std::string name_of(const manifest& wanted) { return wanted.name; }

    held_pod& find(std::string_view name) {
        const auto found = held_.find(name);
        if (found == held_.end()) {
            FAIL("the test holds no pod " << name);
        }
        return *found->second;
    }

    Backend backend_{};
    std::unique_ptr<people> people_{};
    std::function<Probe()> make_probe_{};
    std::function<Sink()> make_sink_{};
    std::function<std::vector<std::string>()> taken_{};
    std::optional<member> newest_{};
    std::map<std::string, std::unique_ptr<held_pod>, std::less<>> held_{};
    std::vector<std::unique_ptr<held_pod>> zombies_{};
};

/// One whose runtimes are made with stand-ins, so that they are one type for each backend.
template <class Configuration>
using crew_of = crew<typename Configuration::backend, any_probe, any_sink>;

/// One over that backend whose processes are made up.
template <class Backend>
class crew_in : public crew_of<configuration<Backend, by_script, to_queue>> {
public:
    crew_in()
        : crew_of<configuration<Backend, by_script, to_queue>>{
              configuration<Backend, by_script, to_queue>{}} {}
};

/// One whose runtimes are made with the probe and the sink themselves.
template <class Configuration>
using typed_crew_of = crew<typename Configuration::backend,
                           typename Configuration::probe::probe,
                           typename Configuration::sink::sink>;

/// Plays a scenario with one. A function of its own, so that a test case for each configuration
/// costs its compiler a call and no more.
template <class Configuration>
[[gnu::noinline]] void play(void (*scenario)(crew_of<Configuration>&)) {
    crew_of<Configuration> with{Configuration{}};
    scenario(with);
}

template <class Configuration>
[[gnu::noinline]] void play_typed(void (*scenario)(typed_crew_of<Configuration>&)) {
    typed_crew_of<Configuration> with{Configuration{}};
    scenario(with);
}

/// May read and write below a place, and hand all of that on.
[[nodiscard]] inline manifest writer(std::string name, const std::string& place) {
    return manifest{std::move(name)}.may(rules::read(place)).may(rules::write(place));
}

/// Reads all, writes nothing, and may hand on both below a place.
[[nodiscard]] inline manifest orchestrator(std::string name, const std::string& place) {
    return manifest{std::move(name)}
        .may(rules::read(place))
        .may_delegate(rules::read(place))
        .may_delegate(rules::write(place));
}

/// What a pod may do at a place, as it says itself.
template <class Pod>
[[nodiscard]] permission may_at(const Pod& pod, std::string_view place) {
    return must(pod.explain(place)).granted;
}

} // namespace podscope_test
