// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// A session segment that the session store has shown to be there, so that a record may name it.
/// The only ways to one ask that store, and pods get what they write by one. So no record names a
/// segment that was made for its pod and that a crash can still take away, as long as the store
/// makes last what it acknowledges.
class ready_segment {
public:
    /// A fresh one. It begins with an entry, so that one without any is known to be damaged.
    template <session_store Sessions>
    [[nodiscard]] static result<ready_segment> begin(Sessions& sessions) {
        auto fresh = sessions.create(lineage{});
        if (!fresh) {
            return fail(fresh);
        }
        auto begun = sessions.append(*fresh, session_entry{.kind = "podscope.begin"});
        return begun ? result<ready_segment>{ready_segment{*std::move(fresh)}} : fail(begun);
    }

    /// One that somebody has made, with or without entries. Errors: those of `info`.
    template <session_store Sessions>
    [[nodiscard]] static result<ready_segment> find(Sessions& sessions, std::string_view id) {
        auto known = sessions.info(id);
        return known ? result<ready_segment>{ready_segment{std::string{id}}} : fail(known);
    }

    /// One to go on with: what stands in it is history and is not read, but there has to be some.
    /// Errors: `empty_segment`, those of `info`.
    template <session_store Sessions>
    [[nodiscard]] static result<ready_segment> find_begun(Sessions& sessions, std::string_view id) {
        auto known = sessions.info(id);
        if (!known) {
            return fail(known);
        }
        if (known->entries == 0) {
            return fail({.category = errc::empty_segment,
                         .message = "the session segment has no entries",
                         .subject = std::string{id}});
        }
        return ready_segment{std::string{id}};
    }

    [[nodiscard]] const std::string& id() const noexcept { return id_; }

private:
    explicit ready_segment(std::string id) noexcept : id_{std::move(id)} {}

    std::string id_;
};

} // namespace podscope
