// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/file_layer.hpp>
#include <podscope/backend/file_window.hpp>
#include <podscope/backend/frame_reader.hpp>
#include <podscope/backend/journal_file.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

namespace podscope {

/// One frame of a journal, as it lies in the file.
struct inspected_frame {
    std::uint64_t offset{};
    std::uint64_t sequence{};     ///< of the store, with this frame
    std::uint32_t transactions{}; ///< how many are in it; none in the snapshot
    std::string_view payload{};   ///< for `for_each_operation`; valid during the visit
};

/// What a journal's file is like.
struct journal_summary {
    std::uint32_t version{};
    std::uint64_t store{};
    std::uint64_t snapshot_sequence{};
    std::uint64_t snapshot_end{};
    std::uint64_t sequence{}; ///< of the last whole frame
    std::uint64_t frames{};
    std::uint64_t operations{};
    std::uint64_t end{};  ///< where the whole frames end
    std::uint64_t size{}; ///< of the file
    bool is_torn{};       ///< whether something else than zeros stands behind them
};

/// Visits the operations of a frame as `visit(is_put, table, key, record)`, the record as its
/// bytes, for record_to_text. False if the payload is damaged.
template <class Visitor>
[[nodiscard]] bool for_each_operation(std::string_view payload, Visitor&& visit) {
    while (!payload.empty()) {
        backend_detail::journal_operation op;
        if (!backend_detail::take_operation(payload, op)) {
            return false;
        }
        visit(op.what == backend_detail::journal_op::put, op.table, op.key, op.record);
    }
    return true;
}

/// Reads a journal's file from front to back, and calls `visit(const inspected_frame&)` for each
/// whole frame. Changes nothing and takes no lock: beside processes that write it sees each frame
/// whole or not yet, and a last one that is being written as torn. Linear in the file.
///
/// Errors: `corrupt` with path and offset, where opening the journal would be; what a crash may
/// have left at the end is no error, but `is_torn`. `unsupported_version`, `io`.
template <class Visitor>
[[nodiscard]] result<journal_summary> inspect_journal(const std::string& path, Visitor&& visit) {
    using namespace backend_detail;
    file_descriptor file;
    if (const int code = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK, file); code != 0) {
        return system_failure("open", path, code);
    }
    struct stat status{};
    if (const int code = status_of(file.get(), status); code != 0) {
        return system_failure("examine", path, code);
    }
    journal_summary found{.size = static_cast<std::uint64_t>(status.st_size)};
    file_window<system_files> window{file.get(), found.size};
    std::string_view bytes;
    journal_header_bytes start{};
    if (const int code = window.view(0, start.size(), bytes); code != 0) {
        return system_failure("read", path, code);
    }
    bytes.copy(start.data(), start.size());
    const auto header = decode_header(start);
    if (bytes.size() < start.size() || !header) {
        return corrupt_journal(path, 0, "there is no whole header of a journal");
    }
    if (header->version > journal_version) {
        return fail({.category = errc::unsupported_version,
                     .message = path + " is a journal in format " +
                                std::to_string(header->version) + ": use the newer library",
                     .path = path});
    }
    found.version = header->version;
    found.store = header->store;
    found.snapshot_sequence = header->sequence;
    found.snapshot_end = header->snapshot_end;
    found.sequence = header->sequence;
    found.end = start.size();
    file_tail tail;
    for (std::optional<whole_frame> frame; found.end < found.size;) {
        if (const int code = read_frame(window, found.end, header->file, frame); code != 0) {
            return system_failure("read", path, code);
        }
        if (!frame) {
            tail = {};
            if (const int code = read_tail(window, found.end, header->file, found.sequence,
                                           since_written::anything, tail);
                code != 0) {
                return system_failure("read", path, code);
            }
            if (tail.is_all_zeros) {
                break;
            }
            // What was not there yet when it was read ahead may be there now: others commit, and
            // what stands behind it was written after it.
            window = file_window<system_files>{file.get(), found.size};
            if (const int code = read_frame(window, found.end, header->file, frame); code != 0) {
                return system_failure("read", path, code);
            }
            if (!frame && tail.is_damage) {
                return corrupt_journal(path, found.end, "a transaction is damaged");
            }
            if (!frame) {
                break;
            }
        }
        const auto& [head, payload] = *frame;
        const bool in_snapshot = found.end < header->snapshot_end;
        const bool is_next = head.sequence == found.sequence + head.transactions &&
                             in_snapshot == (head.transactions == 0);
        const auto count = [&](bool, auto...) { ++found.operations; };
        if (!is_next || !for_each_operation(payload, count)) {
            return corrupt_journal(path, found.end, "a transaction is not the next one");
        }
        visit(inspected_frame{found.end, head.sequence, head.transactions, payload});
        found.end += frame->size();
        found.sequence = head.sequence;
        ++found.frames;
    }
    if (found.end < header->snapshot_end || found.sequence < header->least_sequence()) {
        return corrupt_journal(path, found.end, "what was compacted is damaged");
    }
    found.is_torn = !tail.is_all_zeros;
    return found;
}

} // namespace podscope
