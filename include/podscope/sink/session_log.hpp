// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/sink/concept.hpp>
#include <podscope/sink/notification_json.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace podscope {

/// Appends each notification to a session segment, as an entry of kind `notification` whose body is
/// the notification in JSON (see to_json). It is history for whoever reads the session, and never
/// an authority: the library reads none of it.
///
/// The segment is one that this process writes, as a rule the pod's own, and is often known only
/// after the sink was made; until then notifications stay in the outbox. Copies share the segment
/// and the store: give one to the runtime and keep the other. May be used from several threads at
/// once if the store and the namespace may.
template <session_store Sessions, resource_namespace Names>
class session_log_sink {
public:
    /// The kind of the entries.
    static constexpr const char* kind = "notification";

    session_log_sink(Sessions sessions, Names names, std::string segment = {})
        : shared_{std::make_shared<state>(std::move(sessions), std::move(names))} {
        shared_->segment = std::move(segment);
    }

    /// Says where the next notifications go; an empty id is nowhere.
    void set_segment(std::string segment) {
        const std::lock_guard hold{shared_->guard};
        shared_->segment = std::move(segment);
    }

    [[nodiscard]] std::string segment() const {
        const std::lock_guard hold{shared_->guard};
        return shared_->segment;
    }

    /// Errors: `unavailable` while no segment is set, and what appending to it can fail with.
    [[nodiscard]] result<void> notify(const notification& told) {
        return guarded([&]() -> result<void> {
            const auto where = segment();
            if (where.empty()) {
                return fail({.category = errc::unavailable,
                             .message = "no session segment is set for notifications yet",
                             .subject = told.id});
            }
            const auto display = [&](const resource& place) {
                return shared_->names.display(place);
            };
            auto added =
                shared_->sessions.append(where, {.kind = kind, .body = to_json(told, display)});
            if (!added) {
                return fail(added);
            }
            return {};
        });
    }

private:
    struct state {
        state(Sessions to, Names with) : sessions{std::move(to)}, names{std::move(with)} {}

        Sessions sessions;
        const Names names;
        std::mutex guard;
        std::string segment;
    };

    std::shared_ptr<state> shared_;
};

} // namespace podscope
