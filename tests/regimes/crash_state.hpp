// SPDX-License-Identifier: BSL-1.0
// A stored state as text that is the same for the same operations, whoever did them and when.
#pragma once

#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/record_text.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/store/records.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace regimes {

/// All rows, and the entries of the segments that pods go on in. Processes and times are left out,
/// and a segment goes by the name of its pod, since its own is made up anew each time.
template <podscope::session_store Sessions>
class plain_state {
public:
    plain_state(const podscope_test::stored_state& state, Sessions& sessions) {
        for (const auto& [pod, record] : state.of<podscope::tables::pods>()) {
            if (!record.active_segment.empty()) {
                names_.emplace(record.active_segment, "segment of " + pod);
            }
        }
        add_tables(state, podscope::pod_schema{});
        for (const auto& [segment, name] : names_) {
            add_entries(segment, name, sessions);
        }
    }

    [[nodiscard]] std::string text() const {
        std::string all;
        for (const auto& line : lines_) {
            all += line + '\n';
        }
        return all;
    }

private:
    template <podscope::table... Tables>
    void add_tables(const podscope_test::stored_state& state, podscope::schema<Tables...>) {
        (..., add_rows<Tables>(state));
    }

    template <podscope::table T>
    void add_rows(const podscope_test::stored_state& state) {
        for (auto [key, record] : state.of<T>()) {
            strip(record);
            add(std::string{T::name} + ' ', name_of(key),
                podscope::record_to_text(podscope::encode_record(record)));
        }
    }

    void add_entries(const std::string& segment, std::string_view name, Sessions& sessions) {
        podscope_test::must(sessions.read(
            segment, 0, [&](std::uint64_t index, const podscope::session_entry& entry) {
                add(std::string{name} + ' ', std::to_string(index), entry.kind + ' ' + entry.body);
                return podscope::scan::next;
            }));
    }

    void add(std::string line, std::string_view key, std::string_view value) {
        podscope::backend_detail::append_quoted(line, key);
        lines_.insert(line.append(" ").append(value));
    }

    [[nodiscard]] const std::string& name_of(const std::string& segment) const {
        const auto known = names_.find(segment);
        return known == names_.end() ? segment : known->second;
    }

    void strip(podscope::allocation& row) const {
        row.owner = {};
        row.segment = name_of(row.segment);
    }

    void strip(podscope::pod_record& record) const {
        record.active_segment = name_of(record.active_segment);
        record.granted_ms.reset();
    }

    static void strip(podscope::notification& told) { told.at_ms = 0; }

    static void strip(podscope::ended_delegation& end) { end.at_ms = 0; }

    static void strip(const auto&) {}

    std::map<std::string, std::string> names_{};
    std::multiset<std::string> lines_{};
};

} // namespace regimes
