// SPDX-License-Identifier: BSL-1.0
// A process that holds some pods, does one operation with them, and may be killed in it.
#pragma once

#include "regimes/crash_board.hpp"
#include "regimes/crash_state.hpp"
#include "regimes/stores.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/file.hpp>
#include <podscope/sink/callback.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace regimes {

/// May read and write at a place and below.
[[nodiscard]] inline podscope::manifest writer_at(std::string pod, const std::string& place) {
    return podscope::manifest{std::move(pod)}
        .may(podscope::rules::read(place))
        .may(podscope::rules::write(place));
}

template <class Store>
class crash_company {
public:
    static constexpr auto durable = podscope::durability::power;

    using store = typename Store::template store<podscope::pod_schema, durable>;
    using sink = podscope::callback_sink<
        std::function<podscope::result<void>(const podscope::notification&)>>;
    using parts = podscope::runtime_parts<podscope::verify::faulty_backend<store>,
                                          podscope::file_sessions,
                                          podscope::process_probe,
                                          sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::calling_process>;
    using runtime = podscope::basic_runtime<parts>;
    using pod = podscope::basic_pod<parts>;

    /// @param folder where store and sessions are, or are to be made
    crash_company(std::string folder, crash_board& board)
        : folder_{std::move(folder)},
          board_{&board} {}

    /// The library, opened when it is first asked for.
    [[nodiscard]] runtime& library() {
        if (!library_) {
            library_.emplace(parts{
                podscope::verify::faulty_backend{
                    Store::template open<podscope::pod_schema, durable>(folder_ + "/store"), plan_},
                podscope_test::must(podscope::file_sessions::open(folder_ + "/sessions")),
                {},
                sink{[this](const auto& told) { return take(told); }},
                {},
                {},
                {},
                {}});
        }
        return *library_;
    }

    [[nodiscard]] store& backend() { return library().parts().backend.store(); }

    [[nodiscard]] podscope::file_sessions& sessions() { return library().parts().sessions; }

    [[nodiscard]] pod& at(const std::string& name) { return pods_.at(name); }

    void create(const podscope::manifest& wanted) {
        keep(podscope_test::must(library().create(wanted)));
    }

    void adopt(const podscope::grant& shown) { keep(podscope_test::must(library().adopt(shown))); }

    /// Delegates, and adopts what was delegated.
    void add(const std::string& parent, const podscope::manifest& child) {
        adopt(podscope_test::must(at(parent).delegate(child)));
    }

    template <class Wanted>
    void restore(const Wanted& wanted) {
        keep(podscope_test::must(library().restore(wanted)).pod);
    }

    /// Whether it could be restored: not if another one has its place by now.
    [[nodiscard]] bool restore_if_free(const std::string& name) {
        auto back = library().restore(name);
        if (!back && back.error().category == podscope::errc::conflict) {
            return false;
        }
        keep(podscope_test::must(std::move(back)).pod);
        return true;
    }

    /// Leaves a pod as a dead process would.
    void drop(const std::string& name) { pods_.erase(name); }

    void close() {
        pods_.clear();
        library_.reset();
    }

    /// A segment that no pod goes on in.
    std::string other_segment{};

    /// From now on the sink takes notifications, or does not.
    void set_sink(bool works) { sink_works_ = works; }

    // What follows is of the operation that may be killed. Its changes are counted from 0, which
    // is the state before.

    /// @param states the prefix of the files for the states before and after each change; empty
    /// for none
    void begin(std::string states) {
        states_ = std::move(states);
        plan_.from(podscope::verify::step::committed, 1,
                   podscope::verify::faults::calls([this] { advance(); }));
        if (library_) {
            write_state();
        }
        board_->begin();
    }

    /// A change has been made.
    void advance() {
        ++level_;
        write_state();
    }

    /// The library has said that all changes so far are done.
    void report() { board_->report(level_); }

    void end() {
        board_->end();
        plan_.work_again();
        write_state();
    }

    [[nodiscard]] std::string state() {
        return plain_state{podscope_test::stored_state{backend()}, sessions()}.text();
    }

private:
    void keep(pod got) {
        auto name = got.name();
        pods_.erase(name);
        pods_.emplace(std::move(name), std::move(got));
    }

    podscope::result<void> take(const podscope::notification& told) {
        if (!sink_works_) {
            return podscope::fail(
                {.category = podscope::errc::unavailable, .message = "nobody is at home"});
        }
        board_->tell(told.id);
        return {};
    }

    void write_state() {
        if (!states_.empty()) {
            std::ofstream{states_ + std::to_string(level_)} << state();
        }
    }

    std::string folder_;
    crash_board* board_;
    podscope::verify::fault_plan plan_{};
    bool sink_works_ = true;
    std::optional<runtime> library_{};
    std::map<std::string, pod> pods_{};
    std::string states_{};
    std::uint64_t level_ = 0;
};

} // namespace regimes
