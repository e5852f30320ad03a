// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/session/checks.hpp>
#include <podscope/session/concept.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope {

/// Session segments in the memory of this process; they are gone with it.
///
/// Copies share the same segments, so that whoever keeps a copy sees what the others write. May be
/// used from several threads at once, also by a visitor while `read` runs. `append` costs one
/// entry, whatever the segment holds; `read` visits what stood when it began. An allocation that
/// fails changes nothing.
class memory_sessions {
public:
    /// Errors: `invalid_entry` (see check_lineage), `io` (no random bits).
    [[nodiscard]] result<std::string> create(const lineage& from) {
        return guarded([&]() -> result<std::string> {
            if (auto sound = check_lineage(from); !sound) {
                return fail(sound);
            }
            auto id = fresh_segment_id();
            if (id) {
                auto made = std::make_shared<segment>(from);
                const std::lock_guard hold{shared_->guard};
                shared_->segments.emplace(*id, std::move(made));
            }
            return id;
        });
    }

    /// Errors: `unknown_segment`, `invalid_entry` (see check_entry).
    [[nodiscard]] result<std::uint64_t> append(std::string_view id, const session_entry& entry) {
        return guarded([&]() -> result<std::uint64_t> {
            if (auto sound = check_entry(entry); !sound) {
                return fail(sound);
            }
            auto found = find(id);
            if (!found) {
                return fail(found);
            }
            const std::lock_guard hold{(*found)->guard};
            (*found)->entries.push_back(entry);
            return (*found)->entries.size() - 1;
        });
    }

    /// Visits the entries from an index on as `visit(index, entry)`. An index at or behind the end
    /// visits nothing. Errors: `unknown_segment`; what the visitor throws becomes an error.
    template <class Visitor>
        requires std::is_invocable_r_v<scan, Visitor&, std::uint64_t, const session_entry&>
    [[nodiscard]] result<void>
    read(std::string_view id, std::uint64_t from, Visitor&& visit) const {
        return guarded([&]() -> result<void> {
            auto found = find(id);
            if (!found) {
                return fail(found);
            }
            const auto end = (*found)->size();
            for (auto index = from; index < end; ++index) {
                if (visit(index, (*found)->at(index)) == scan::stop) {
                    break;
                }
            }
            return {};
        });
    }

    /// Errors: `unknown_segment`.
    [[nodiscard]] result<segment_info> info(std::string_view id) const {
        return guarded([&]() -> result<segment_info> {
            auto found = find(id);
            if (!found) {
                return fail(found);
            }
            return segment_info{.comes_from = (*found)->from, .entries = (*found)->size()};
        });
    }

    [[nodiscard]] result<std::vector<std::string>> list() const {
        return guarded([&]() -> result<std::vector<std::string>> {
            std::vector<std::string> ids;
            const std::lock_guard hold{shared_->guard};
            ids.reserve(shared_->segments.size());
            for (const auto& [id, unused] : shared_->segments) {
                ids.push_back(id);
            }
            return ids;
        });
    }

private:
    struct segment {
        explicit segment(lineage comes_from) : from{std::move(comes_from)} {}

        [[nodiscard]] std::uint64_t size() const {
            const std::lock_guard hold{guard};
            return entries.size();
        }

        // An entry never changes, and a deque that grows at its end leaves the others where they
        // are: the reference holds without the lock, and a visitor may append.
        [[nodiscard]] const session_entry& at(std::uint64_t index) const {
            const std::lock_guard hold{guard};
            return entries[static_cast<std::size_t>(index)];
        }

        const lineage from;
        mutable std::mutex guard;
        std::deque<session_entry> entries;
    };

    struct state {
        std::mutex guard;
        std::map<std::string, std::shared_ptr<segment>, std::less<>> segments;
    };

    [[nodiscard]] result<std::shared_ptr<segment>> find(std::string_view id) const {
        const std::lock_guard hold{shared_->guard};
        const auto found = shared_->segments.find(id);
        if (found == shared_->segments.end()) {
            return fail({.category = errc::unknown_segment,
                         .message = "there is no such session segment",
                         .subject = std::string{id}});
        }
        return found->second;
    }

    std::shared_ptr<state> shared_ = std::make_shared<state>();
};

static_assert(session_store<memory_sessions>);

} // namespace podscope
