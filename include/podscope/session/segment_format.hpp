// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/json_writer.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/session/json_reader.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

// The text of a segment: a header line, then one line for each entry.
//
//     {"podscope_session":1,"forked_from":"…","at":7}
//     {"i":0,"kind":"…","body":"…"}
//
// Members that a later version adds are passed over; what an older one could not pass over without
// harm comes with a higher number in the header.
namespace podscope::session_detail {

inline constexpr std::uint64_t session_format = 1;

[[nodiscard]] inline std::string header_line(const lineage& from) {
    std::string line;
    json_object_writer header{line};
    header.number("podscope_session", session_format);
    if (!from.forked_from.empty()) {
        header.text("forked_from", from.forked_from);
    }
    if (!from.compacted_from.empty()) {
        header.text("compacted_from", from.compacted_from);
    }
    if (from.at != 0) {
        header.number("at", from.at);
    }
    header.close();
    line += '\n';
    return line;
}

[[nodiscard]] inline std::string entry_line(std::uint64_t index, const session_entry& entry) {
    std::string line;
    line.reserve(entry.kind.size() + entry.body.size() + 64);
    json_object_writer{line}
        .number("i", index)
        .text("kind", entry.kind)
        .text("body", entry.body)
        .close();
    line += '\n';
    return line;
}

/// How far into a line `entry_of` has to see.
inline constexpr std::size_t longest_entry_start =
    std::string_view{R"({"i":18446744073709551615,)"}.size();

/// Which entry a line is, by its first bytes as `entry_line` writes them; nothing if they are
/// others, as those of a line may be that was edited by hand.
[[nodiscard]] inline std::optional<std::uint64_t> entry_of(std::string_view line_start) {
    constexpr std::string_view before = R"({"i":)";
    if (!line_start.starts_with(before)) {
        return std::nullopt;
    }
    line_start.remove_prefix(before.size());
    std::uint64_t index{};
    const auto* const last = line_start.data() + line_start.size();
    const auto [behind, fault] = std::from_chars(line_start.data(), last, index);
    if (fault != std::errc{} || behind == last || *behind != ',') {
        return std::nullopt;
    }
    return index;
}

/// A line that is not what was written: the line's number, counted from 1, and where it starts.
[[nodiscard]] inline failure bad_line(const json_fault& fault,
                                      const std::string& path,
                                      std::uint64_t number,
                                      std::uint64_t offset) {
    return fail({.category = errc::corrupt,
                 .message = "line " + std::to_string(number) +
                            " of the session file is not what was written there: " + fault.message,
                 .path = path,
                 .offset = offset + fault.at,
                 .position = text_position{number, fault.at + 1}});
}

[[nodiscard]] inline result<lineage> read_header(std::string_view line, const std::string& path) {
    std::uint64_t version{};
    std::array<json_member, 1> first{{{"podscope_session", version}}};
    if (const auto fault = read_json_object(line, first)) {
        return bad_line(*fault, path, 1, 0);
    }
    if (version > session_format) {
        return fail({.category = errc::unsupported_version,
                     .message = "the session file has format version " + std::to_string(version) +
                                ", and this program knows none above " +
                                std::to_string(session_format),
                     .path = path});
    }
    lineage from;
    std::array<json_member, 3> rest{{{"forked_from", from.forked_from, presence::optional},
                                     {"compacted_from", from.compacted_from, presence::optional},
                                     {"at", from.at, presence::optional}}};
    auto fault = read_json_object(line, rest);
    if (version == 0) {
        fault = json_fault{0, "there is no format version 0"};
    }
    if (fault) {
        return bad_line(*fault, path, 1, 0);
    }
    return from;
}

/// Reads the line of the entry that must have that index. The strings of `into` are written in
/// place, so that reading line after line allocates nothing once they are long enough.
[[nodiscard]] inline std::optional<json_fault>
read_entry(std::string_view line, std::uint64_t index, session_entry& into) {
    std::uint64_t shown{};
    std::array<json_member, 3> members{{{"i", shown}, {"kind", into.kind}, {"body", into.body}}};
    auto fault = read_json_object(line, members);
    if (!fault && shown != index) {
        fault = json_fault{0, "it says that it is entry " + std::to_string(shown) +
                                  ", where entry " + std::to_string(index) + " must stand"};
    }
    return fault;
}

} // namespace podscope::session_detail
