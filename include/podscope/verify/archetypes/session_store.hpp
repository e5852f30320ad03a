// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::verify {

/// The least `session_store`, over another one. Visitors are taken as copies that do not change.
template <session_store Sessions>
class session_store_archetype : only_moved {
public:
    explicit session_store_archetype(Sessions beneath) : beneath_{std::move(beneath)} {}

    [[nodiscard]] result<std::string> create(const lineage& from) { return beneath_.create(from); }

    [[nodiscard]] result<std::uint64_t> append(std::string_view id, const session_entry& entry) {
        return beneath_.append(id, entry);
    }

    template <std::copy_constructible Visitor>
    [[nodiscard]] result<void> read(std::string_view id, std::uint64_t from, const Visitor& visit) {
        const Visitor copy{visit};
        return beneath_.read(id, from,
                             [&](std::uint64_t index, const session_entry& entry) -> scan {
                                 return copy(index, entry);
                             });
    }

    [[nodiscard]] result<segment_info> info(std::string_view id) { return beneath_.info(id); }

    [[nodiscard]] result<std::vector<std::string>> list() { return beneath_.list(); }

private:
    Sessions beneath_;
};

} // namespace podscope::verify
