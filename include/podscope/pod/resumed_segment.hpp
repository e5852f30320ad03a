// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/pod/ready_segment.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/store/records.hpp>

#include <optional>
#include <string>
#include <utility>

namespace podscope {

/// The session segment that a restored pod goes on in: the one on its record, or a fresh one if
/// that is lost and may be replaced.
class resumed_segment {
public:
    explicit resumed_segment(bool replaces_lost) noexcept : replaces_lost_{replaces_lost} {}

    /// Looks for the one on record.
    ///
    /// Errors: `segment_pending` if there is none; `unknown_segment`, `empty_segment`, `corrupt` if
    /// it is lost and may not be replaced; others of the session store.
    template <session_store Sessions>
    [[nodiscard]] result<void> choose(Sessions& sessions, const pod_record& record) {
        if (record.active_segment.empty()) {
            return fail({.category = errc::segment_pending,
                         .message = "the pod '" + record.pod +
                                    "' was reserved and never adopted: it has no session to go on "
                                    "with",
                         .subject = record.pod});
        }
        if (is_for(record)) {
            return {};
        }
        lost_.reset();
        auto found = ready_segment::find_begun(sessions, record.active_segment);
        if (!found) {
            if (!is_lost(found.error().category)) {
                return fail(found);
            }
            auto lost = loss_of(record, std::move(found).error());
            if (!replaces_lost_) {
                lost.message += "; restore_options::replace_lost_segment goes on in a fresh one";
                return fail(std::move(lost));
            }
            segment_.reset();
            lost_ = std::move(lost);
        } else {
            segment_ = *std::move(found);
        }
        on_record_ = record.active_segment;
        return {};
    }

    /// Gives the one that was chosen, which is begun now if it is a fresh one and was not yet.
    template <session_store Sessions>
    [[nodiscard]] result<ready_segment> make(Sessions& sessions) {
        if (!segment_) {
            auto fresh = ready_segment::begin(sessions);
            if (!fresh) {
                return fresh;
            }
            segment_ = *std::move(fresh);
        }
        return *segment_;
    }

    /// Whether it is for this record: not for one that names another segment by now.
    [[nodiscard]] bool is_for(const pod_record& record) const noexcept {
        return record.active_segment == on_record_;
    }

    /// Why there is a fresh one, if there is. Given once.
    [[nodiscard]] std::optional<error> take_loss() noexcept {
        return std::exchange(lost_, std::nullopt);
    }

private:
    // Not what a person can set right, as by a change of its rights: `unsafe_file`, `io`.
    [[nodiscard]] static constexpr bool is_lost(errc found) noexcept {
        return found == errc::unknown_segment || found == errc::empty_segment ||
               found == errc::corrupt;
    }

    [[nodiscard]] static error loss_of(const pod_record& record, error found) {
        found.message = "the session segment '" + record.active_segment + "' of '" + record.pod +
                        "' is lost: " + found.message;
        found.subject = record.active_segment;
        return found;
    }

    bool replaces_lost_;
    std::string on_record_{};
    std::optional<ready_segment> segment_{};
    std::optional<error> lost_{};
};

} // namespace podscope
