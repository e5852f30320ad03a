// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/crc32c.hpp>
#include <podscope/backend/wire.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The bytes of a journal, version 1. All numbers are little endian; `text` is a byte string with
/// its length in front, as a varint (wire.hpp).
///
///     journal = header frame*
///
/// The header, 64 bytes:
///
/// | at | bytes | what                                                                         |
/// | -- | ----- | ---------------------------------------------------------------------------- |
/// |  0 |    16 | "podscope journal"                                                           |
/// | 16 |     4 | the version of the format                                                    |
/// | 20 |     4 | zero                                                                         |
/// | 24 |     8 | the store's id: stays when the journal is compacted                          |
/// | 32 |     8 | this file's id: another one for each file                                    |
/// | 40 |     8 | the sequence of the snapshot                                                 |
/// | 48 |     8 | where the snapshot ends: frames before that were there when the file got its name
/// | | 56 |     4 | zero                                                                         |
/// | 60 |     4 | CRC-32C of the 60 bytes before: at the same place in every version           |
///
/// A frame, 24 bytes and its payload:
///
/// | at | bytes | what                                                                         |
/// | -- | ----- | ---------------------------------------------------------------------------- |
/// |  0 |     4 | "PSfr"                                                                       |
/// |  4 |     4 | the length of the payload                                                    |
/// |  8 |     8 | its sequence: how many transactions the store has seen with it               |
/// | 16 |     4 | CRC-32C of the payload                                                       |
/// | 20 |     4 | CRC-32C of the file's id, the frame's offset (8 bytes each), and the 20 bytes
/// before |
///
/// The second sum ties a frame to its file and place, so that nothing that merely looks like a
/// frame, in a record's bytes or left over from another file, is taken for one. A frame holds one
/// committed transaction or several, of which none is there without the others. The frames of the
/// snapshot all carry the snapshot's sequence; after it, the sequence grows from frame to frame by
/// the number of transactions in it.
///
///     payload = operation*
///     put     = 1 table:text key:text record:text     (the record as codec.hpp has it)
///     erase   = 2 table:text key:text
namespace podscope::backend_detail {

inline constexpr std::uint32_t journal_version = 1;
inline constexpr std::string_view journal_magic = "podscope journal";

struct journal_header {
    static constexpr std::size_t size = 64;

    std::uint32_t version = journal_version;
    std::uint64_t store{};
    std::uint64_t file{};
    std::uint64_t sequence{};
    std::uint64_t snapshot_end = size;

    friend bool operator==(const journal_header&, const journal_header&) = default;
};

using journal_header_bytes = std::array<char, journal_header::size>;

[[nodiscard]] inline journal_header_bytes encode_header(const journal_header& header) noexcept {
    journal_header_bytes bytes{};
    journal_magic.copy(bytes.data(), journal_magic.size());
    store_fixed(&bytes[16], header.version, 4);
    store_fixed(&bytes[24], header.store, 8);
    store_fixed(&bytes[32], header.file, 8);
    store_fixed(&bytes[40], header.sequence, 8);
    store_fixed(&bytes[48], header.snapshot_end, 8);
    store_fixed(&bytes[60], crc32c({bytes.data(), 60}), 4);
    return bytes;
}

/// Nothing if these are no header's bytes. The version is the caller's to check; of a later one
/// only the version is known.
[[nodiscard]] inline std::optional<journal_header>
decode_header(const journal_header_bytes& bytes) noexcept {
    const std::string_view all{bytes.data(), bytes.size()};
    if (!all.starts_with(journal_magic) || load_fixed(&bytes[60], 4) != crc32c(all.substr(0, 60))) {
        return std::nullopt;
    }
    return journal_header{.version = static_cast<std::uint32_t>(load_fixed(&bytes[16], 4)),
                          .store = load_fixed(&bytes[24], 8),
                          .file = load_fixed(&bytes[32], 8),
                          .sequence = load_fixed(&bytes[40], 8),
                          .snapshot_end = load_fixed(&bytes[48], 8)};
}

struct frame_header {
    static constexpr std::size_t size = 24;
    static constexpr std::string_view magic = "PSfr";
    static constexpr std::size_t max_payload = std::size_t{1} << 30;

    std::uint32_t length{};
    std::uint64_t sequence{};
    std::uint32_t payload_crc{};
};

[[nodiscard]] inline std::uint32_t
frame_crc(std::string_view first_20_bytes, std::uint64_t file, std::uint64_t offset) noexcept {
    std::array<char, 16> place{};
    store_fixed(&place[0], file, 8);
    store_fixed(&place[8], offset, 8);
    return crc32c(first_20_bytes, crc32c({place.data(), place.size()}));
}

/// Completes a frame in place: `frame` begins with `frame_header::size` bytes of any content, and
/// the payload follows.
inline void seal_frame(std::string& frame,
                       std::uint64_t file,
                       std::uint64_t offset,
                       std::uint64_t sequence) noexcept {
    const std::string_view payload = std::string_view{frame}.substr(frame_header::size);
    char* const at = frame.data();
    frame_header::magic.copy(at, frame_header::magic.size());
    store_fixed(at + 4, payload.size(), 4);
    store_fixed(at + 8, sequence, 8);
    store_fixed(at + 16, crc32c(payload), 4);
    store_fixed(at + 20, frame_crc({at, 20}, file, offset), 4);
}

/// Nothing if `bytes`, at least `frame_header::size` of them, do not begin with the header of a
/// frame that was written at this place.
[[nodiscard]] inline std::optional<frame_header>
decode_frame_header(std::string_view bytes, std::uint64_t file, std::uint64_t offset) noexcept {
    if (!bytes.starts_with(frame_header::magic) ||
        load_fixed(bytes.data() + 20, 4) != frame_crc(bytes.substr(0, 20), file, offset)) {
        return std::nullopt;
    }
    return frame_header{
        .length = static_cast<std::uint32_t>(load_fixed(bytes.data() + 4, 4)),
        .sequence = load_fixed(bytes.data() + 8, 8),
        .payload_crc = static_cast<std::uint32_t>(load_fixed(bytes.data() + 16, 4)),
    };
}

enum class journal_op : std::uint8_t { put = 1, erase = 2 };

/// One operation of a payload. The views are into the payload.
struct journal_operation {
    journal_op what{};
    std::string_view table{};
    std::string_view key{};
    std::string_view record{}; ///< empty for erase
};

inline void
put_operation(std::string& payload, journal_op what, std::string_view table, std::string_view key) {
    payload.push_back(static_cast<char>(what));
    put_text(payload, table);
    put_text(payload, key);
}

[[nodiscard]] inline bool take_operation(std::string_view& payload,
                                         journal_operation& op) noexcept {
    std::uint8_t what{};
    if (!take_byte(payload, what) || !take_text(payload, op.table) || !take_text(payload, op.key)) {
        return false;
    }
    op.what = static_cast<journal_op>(what);
    op.record = {};
    switch (op.what) {
    case journal_op::put: return take_text(payload, op.record);
    case journal_op::erase: return true;
    }
    return false;
}

} // namespace podscope::backend_detail
