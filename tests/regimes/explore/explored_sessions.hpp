// SPDX-License-Identifier: BSL-1.0
// Session segments whose ids are the same in every run that is driven in the same way.
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace regimes {

struct explored_segment {
    podscope::lineage from{};
    std::vector<podscope::session_entry> entries{};
};

using explored_segments = std::map<std::string, explored_segment, std::less<>>;

/// One process's handle of the segments of all.
class explored_sessions {
public:
    explored_sessions(explored_segments& all, std::string owner)
        : all_{&all},
          owner_{std::move(owner)} {}

    [[nodiscard]] podscope::result<std::string> create(const podscope::lineage& from) {
        auto id = owner_ + '-' + std::to_string(++made_);
        all_->insert_or_assign(id, explored_segment{from, {}});
        return id;
    }

    [[nodiscard]] podscope::result<std::uint64_t> append(std::string_view id,
                                                         const podscope::session_entry& entry) {
        auto found = find(id);
        if (!found) {
            return podscope::fail(found);
        }
        (*found)->entries.push_back(entry);
        return (*found)->entries.size() - 1;
    }

    template <class Visitor>
    [[nodiscard]] podscope::result<void>
    read(std::string_view id, std::uint64_t from, Visitor&& visit) const {
        auto found = find(id);
        if (!found) {
            return podscope::fail(found);
        }
        const auto& entries = (*found)->entries;
        for (auto i = from; i < entries.size() && visit(i, entries[i]) == podscope::scan::next;) {
            ++i;
        }
        return {};
    }

    [[nodiscard]] podscope::result<podscope::segment_info> info(std::string_view id) const {
        auto found = find(id);
        if (!found) {
            return podscope::fail(found);
        }
        return podscope::segment_info{.comes_from = (*found)->from,
                                      .entries = (*found)->entries.size()};
    }

    [[nodiscard]] podscope::result<std::vector<std::string>> list() const {
        std::vector<std::string> ids;
        for (const auto& [id, unused] : *all_) {
            ids.push_back(id);
        }
        return ids;
    }

private:
    [[nodiscard]] podscope::result<explored_segment*> find(std::string_view id) const {
        const auto found = all_->find(id);
        if (found == all_->end()) {
            return podscope::fail({.category = podscope::errc::unknown_segment,
                                   .message = "there is no such session segment",
                                   .subject = std::string{id}});
        }
        return &found->second;
    }

    explored_segments* all_;
    std::string owner_;
    int made_ = 0;
};

} // namespace regimes
