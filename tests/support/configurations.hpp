// SPDX-License-Identifier: BSL-1.0
// The parts that a runtime can be put together from, each behind one way for a test to make it, and
// the lists of all combinations.
//
// Every combination is played through, but not every one is compiled as a type of its own:
// any_probe and any_sink stand for the real ones, so that a file with all combinations instantiates
// the library once for each backend. That the real types fit is shown by the list `typed`, in which
// each of them stands once as it is.
#pragma once

#include "backend/map_backend.hpp"
#include "support/effort.hpp"
#include "support/people.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_options.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/probe/combinators.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/unix_socket.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/file.hpp>
#include <podscope/session/memory.hpp>
#include <podscope/sink/callback.hpp>
#include <podscope/sink/queue.hpp>
#include <podscope/sink/session_log.hpp>
#include <podscope/sink/tee.hpp>

#include <boost/hana/cartesian_product.hpp>
#include <boost/hana/transform.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>
#include <boost/hana/unpack.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope_test {

// Backends: what `open` gives are handles of one store, as each process of a real program has one.

struct in_memory {
    static constexpr const char* name = "memory";
    using store = podscope::basic_memory<podscope::pod_schema>;
    using sessions = podscope::memory_sessions;

    [[nodiscard]] store open() const { return only; }

    [[nodiscard]] sessions open_sessions() const { return logs; }

    store only{};
    sessions logs{};
};

struct in_journal {
    static constexpr const char* name = "journal";
    using store = podscope::basic_journal<podscope::pod_schema, podscope::durability::process>;
    using sessions = podscope::file_sessions;

    [[nodiscard]] store open() const {
        return must(store::open(folder / "store", {.compact_above = 16'384, .compact_factor = 2}));
    }

    [[nodiscard]] sessions open_sessions() const {
        return must(sessions::open(folder / "sessions"));
    }

    temporary_folder folder{};
};

// A byte backend runs the body of each write twice, and holds nothing but bytes.
struct in_bytes {
    static constexpr const char* name = "bytes";
    using store = podscope::lifted<backend_test::map_backend>;
    using sessions = podscope::memory_sessions;

    [[nodiscard]] store open() const { return store{only}; }

    [[nodiscard]] sessions open_sessions() const { return logs; }

    backend_test::map_backend only{};
    sessions logs{};
};

// Probes, and the processes that they see.

struct by_script {
    static constexpr const char* name = "script";
    using probe = world_probe;
    static constexpr auto of_killed = podscope::verdict::missing;
    static constexpr auto of_hung = podscope::verdict::unreachable;

    [[nodiscard]] probe make() const { return world_probe{all}; }

    [[nodiscard]] std::unique_ptr<people> find_people() const {
        return std::make_unique<made_up_people>(all);
    }

    world all{};
};

template <class Probe, bool Answer, podscope::verdict Killed, podscope::verdict Hung>
struct over_processes {
    using probe = Probe;
    static constexpr auto of_killed = Killed;
    static constexpr auto of_hung = Hung;

    [[nodiscard]] probe make() const { return {}; }

    [[nodiscard]] std::unique_ptr<people> find_people() const {
        return std::make_unique<real_people>(Answer);
    }
};

struct by_process : over_processes<podscope::process_probe,
                                   false,
                                   podscope::verdict::missing,
                                   podscope::verdict::reachable> {
    static constexpr const char* name = "process";
};

struct by_socket : over_processes<podscope::unix_socket_probe,
                                  true,
                                  podscope::verdict::unreachable,
                                  podscope::verdict::unreachable> {
    static constexpr const char* name = "socket";
};

struct by_default : over_processes<podscope::default_probe,
                                   true,
                                   podscope::verdict::missing,
                                   podscope::verdict::unreachable> {
    static constexpr const char* name = "default";
};

struct by_any_of
    : over_processes<podscope::any_of_probe<podscope::process_probe, podscope::unix_socket_probe>,
                     true,
                     podscope::verdict::unreachable,
                     podscope::verdict::reachable> {
    static constexpr const char* name = "any of";
};

struct by_first
    : over_processes<
          podscope::first_that_knows_probe<podscope::process_probe, podscope::unix_socket_probe>,
          true,
          podscope::verdict::missing,
          podscope::verdict::reachable> {
    static constexpr const char* name = "first";
};

// Sinks: `taken` are the ids of what was taken, those taken twice twice.

struct to_queue {
    static constexpr const char* name = "queue";
    using sink = podscope::queue_sink;

    [[nodiscard]] sink make() { return queue; }

    [[nodiscard]] std::vector<std::string> taken() {
        for (auto& told : queue.drain()) {
            all.push_back(std::move(told.id));
        }
        return all;
    }

    sink queue{};
    std::vector<std::string> all{};
};

struct to_callback {
    static constexpr const char* name = "callback";

    struct note {
        std::shared_ptr<std::vector<std::string>> into{
            std::make_shared<std::vector<std::string>>()};

        void operator()(const podscope::notification& told) const { into->push_back(told.id); }
    };

    using sink = podscope::callback_sink<note>;

    [[nodiscard]] sink make() { return sink{all}; }

    [[nodiscard]] std::vector<std::string> taken() { return *all.into; }

    note all{};
};

struct to_session_log {
    static constexpr const char* name = "session log";
    using sink = podscope::session_log_sink<podscope::memory_sessions, podscope::lexical_path>;

    [[nodiscard]] sink make() { return log; }

    [[nodiscard]] std::vector<std::string> taken() {
        std::vector<std::string> ids;
        must(sessions.read(segment, 0, [&](auto, const podscope::session_entry& entry) {
            constexpr std::string_view before = R"("id":")";
            const auto first = entry.body.find(before) + before.size();
            ids.push_back(entry.body.substr(first, entry.body.find('"', first) - first));
            return podscope::scan::next;
        }));
        return ids;
    }

    podscope::memory_sessions sessions{};
    std::string segment{must(sessions.create({}))};
    sink log{sessions, podscope::lexical_path{}, segment};
};

struct to_tee {
    static constexpr const char* name = "tee";
    using sink = podscope::tee_sink<to_queue::sink, to_session_log::sink>;

    [[nodiscard]] sink make() { return sink{first.make(), second.make()}; }

    [[nodiscard]] std::vector<std::string> taken() {
        auto ids = first.taken();
        REQUIRE(ids == second.taken());
        return ids;
    }

    to_queue first{};
    to_session_log second{};
};

// Stand-ins.

class any_probe {
public:
    template <class Probe>
    static any_probe of(Probe probe) {
        any_probe any;
        any.ask_ = [probe](auto subjects, auto until, auto verdicts) mutable {
            probe.probe(subjects, until, verdicts);
        };
        return any;
    }

    void probe(std::span<const podscope::probe_subject> subjects,
               podscope::deadline until,
               std::span<podscope::verdict> verdicts) {
        ask_(subjects, until, verdicts);
    }

private:
    std::function<void(
        std::span<const podscope::probe_subject>, podscope::deadline, std::span<podscope::verdict>)>
        ask_{};
};

/// A probe before which something else happens.
struct any_probe_with {
    any_probe probe_;
    std::function<void()> before_;

    void probe(std::span<const podscope::probe_subject> subjects,
               podscope::deadline until,
               std::span<podscope::verdict> verdicts) {
        before_();
        probe_.probe(subjects, until, verdicts);
    }
};

class any_sink {
public:
    template <class Sink>
    static any_sink of(Sink sink) {
        any_sink any;
        any.tell_ = [sink](const auto& told) mutable { return sink.notify(told); };
        return any;
    }

    [[nodiscard]] podscope::result<void> notify(const podscope::notification& told) {
        return tell_(told);
    }

private:
    std::function<podscope::result<void>(const podscope::notification&)> tell_{};
};

// Combinations.

/// One of each.
template <class Backend, class Probe, class Sink>
struct configuration {
    using backend = Backend;
    using probe = Probe;
    using sink = Sink;

    [[nodiscard]] static std::string name() {
        return std::string{Backend::name} + ", " + Probe::name + ", " + Sink::name;
    }
};

namespace configurations {

namespace hana = boost::hana;

inline constexpr auto probes =
    hana::tuple_t<by_script, by_process, by_socket, by_default, by_any_of, by_first>;
inline constexpr auto sinks = hana::tuple_t<to_queue, to_callback, to_session_log, to_tee>;

struct combine {
    template <class Row>
    constexpr auto operator()(Row row) const {
        return hana::unpack(row, [](auto backend, auto probe, auto sink) {
            return hana::type_c<
                configuration<typename decltype(backend)::type, typename decltype(probe)::type,
                              typename decltype(sink)::type>>;
        });
    }
};

struct to_list {
    template <class... Types>
    constexpr auto operator()(Types...) const {
        return hana::type_c<std::tuple<typename Types::type...>>;
    }
};

template <class Backends, class Probes, class Sinks>
using product = typename decltype(hana::unpack(
    hana::transform(hana::cartesian_product(hana::make_tuple(Backends{}, Probes{}, Sinks{})),
                    combine{}),
    to_list{}))::type;

/// All probes with all sinks on one backend, as a list of types for TEMPLATE_LIST_TEST_CASE. Under
/// a sanitizer a script and one real probe with one sink: the others add no code to that, since all
/// are behind stand-ins, and real processes are forked from a test that is many times as large
/// there.
template <class Backend>
using all_on =
    product<hana::tuple<hana::type<Backend>>,
            std::conditional_t<is_sanitised,
                               hana::tuple<hana::type<by_script>, hana::type<by_default>>,
                               std::remove_const_t<decltype(probes)>>,
            std::conditional_t<is_sanitised,
                               hana::tuple<hana::type<to_tee>>,
                               std::remove_const_t<decltype(sinks)>>>;

/// Each part once, as the type that it is.
using typed = std::tuple<configuration<in_memory, by_script, to_tee>,
                         configuration<in_bytes, by_process, to_callback>,
                         configuration<in_journal, by_default, to_session_log>,
                         configuration<in_journal, by_socket, to_queue>>;

/// A few that differ in all that a scenario may depend on.
using some = std::tuple<configuration<in_memory, by_script, to_queue>,
                        configuration<in_journal, by_default, to_callback>>;

} // namespace configurations
} // namespace podscope_test
