// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/crc32c.hpp>
#include <podscope/backend/wire.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The bytes of a journal, version 2. All numbers are little endian; `text` is a byte string with
/// its length in front, as a varint (wire.hpp).
///
///     journal = header frame*
///
/// The header, 64 bytes:
///
/// | at | bytes | what                                                                    |
/// | -- | ----- | ----------------------------------------------------------------------- |
/// |  0 |    16 | "podscope journal"                                                      |
/// | 16 |     4 | the version of the format                                               |
/// | 20 |     4 | how many transactions stood behind the snapshot when the file got its   |
/// |    |       | name: no fewer may ever be found there                                  |
/// | 24 |     8 | the store's id: stays when the journal is compacted                     |
/// | 32 |     8 | this file's id: another one for each file                               |
/// | 40 |     8 | the sequence of the snapshot                                            |
/// | 48 |     8 | where the snapshot ends                                                 |
/// | 56 |     4 | zero                                                                    |
/// | 60 |     4 | CRC-32C of the 60 bytes before: at the same place in every version      |
///
/// A frame, 28 bytes and its payload:
///
/// | at | bytes | what                                                                    |
/// | -- | ----- | ----------------------------------------------------------------------- |
/// |  0 |     4 | "PSfr"                                                                  |
/// |  4 |     4 | the length of the payload                                               |
/// |  8 |     8 | its sequence: how many transactions the store has seen with it          |
/// | 16 |     2 | how many of them are in it                                              |
/// | 18 |     2 | how many before them were not known to be on the disk yet (in version 1 |
/// |    |       | none, and no more than 65 535 in one frame)                             |
/// | 20 |     4 | CRC-32C of the payload                                                  |
/// | 24 |     4 | CRC-32C of the file's id (8 bytes) and the 24 bytes before              |
///
/// The second sum ties a frame to its file, and the sequence to its place among the others: nothing
/// that merely looks like a frame, in the bytes of a record or left over from another file, is
/// taken for one that is to come. A frame holds one committed transaction or several, of which none
/// is there without the others; a frame of the snapshot holds none, and the snapshot's sequence.
///
/// A frame that is missing before a whole one was never promised to last, if the later one says
/// that it was not known to be on the disk: a loss of power has taken it and kept the other. Any
/// other one that is missing is damage.
///
/// The snapshot is made while transactions go on, so that it may hold rows as transactions behind
/// it left them: the state is whole once those that the header counts were applied too. That comes
/// right because an operation says what a row is, whatever it was before.
///
/// Behind the last frame there may be zeros: room for those to come.
///
///     payload = operation*
///     put     = 1 table:text key:text record:text     (the record as codec.hpp has it)
///     erase   = 2 table:text key:text
namespace podscope::backend_detail {

inline constexpr std::uint32_t journal_version = 2;
/// The first version whose frames say what was not on the disk before them.
inline constexpr std::uint32_t journal_version_with_unsynced = 2;
inline constexpr std::string_view journal_magic = "podscope journal";

struct journal_header {
    static constexpr std::size_t size = 64;

    /// No store ever comes to it, so that numbers below it can be added to.
    static constexpr std::uint64_t most_sequence = std::uint64_t{1} << 63U;

    std::uint32_t version = journal_version;
    std::uint64_t store{};
    std::uint64_t file{};
    std::uint64_t sequence{};
    std::uint64_t snapshot_end = size;
    std::uint32_t behind{};

    /// The least sequence that the file can have.
    [[nodiscard]] std::uint64_t least_sequence() const noexcept { return sequence + behind; }

    friend bool operator==(const journal_header&, const journal_header&) = default;
};

using journal_header_bytes = std::array<char, journal_header::size>;

[[nodiscard]] inline journal_header_bytes encode_header(const journal_header& header) noexcept {
    journal_header_bytes bytes{};
    journal_magic.copy(bytes.data(), journal_magic.size());
    store_fixed(&bytes[16], header.version, 4);
    store_fixed(&bytes[20], header.behind, 4);
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
    const journal_header header{.version = static_cast<std::uint32_t>(load_fixed(&bytes[16], 4)),
                                .store = load_fixed(&bytes[24], 8),
                                .file = load_fixed(&bytes[32], 8),
                                .sequence = load_fixed(&bytes[40], 8),
                                .snapshot_end = load_fixed(&bytes[48], 8),
                                .behind = static_cast<std::uint32_t>(load_fixed(&bytes[20], 4))};
    if (header.version <= journal_version && header.sequence >= journal_header::most_sequence) {
        return std::nullopt;
    }
    return header;
}

struct frame_header {
    static constexpr std::size_t size = 28;
    static constexpr std::string_view magic = "PSfr";
    static constexpr std::size_t max_payload = std::size_t{1} << 30;
    /// The most that `unsynced` can say.
    static constexpr std::uint64_t most_unsynced = 0xFFFF;

    std::uint32_t length{};
    std::uint64_t sequence{};
    std::uint16_t transactions{};
    std::uint16_t unsynced{};
    std::uint32_t payload_crc{};

    /// The last transaction that was on the disk for certain when the frame was written; 0 for
    /// none, also where more are said to be unsynced than there ever were.
    [[nodiscard]] std::uint64_t synced_to() const noexcept {
        const std::uint64_t uncertain = std::uint64_t{transactions} + unsynced;
        return sequence - std::min(sequence, uncertain);
    }
};

[[nodiscard]] inline std::uint32_t frame_header_crc(const char* frame,
                                                    std::uint64_t file) noexcept {
    std::array<char, 8> id{};
    store_fixed(id.data(), file, id.size());
    return crc32c({frame, 24}, crc32c({id.data(), id.size()}));
}

/// Completes a frame in place: `frame` begins with `frame_header::size` bytes of any content, and
/// the payload follows. The sequence is the one that the store has with its transactions;
/// `unsynced` says how many before them are not known to be on the disk.
inline void seal_frame(std::string& frame,
                       std::uint64_t file,
                       std::uint64_t sequence,
                       std::uint16_t transactions,
                       std::uint16_t unsynced = 0) noexcept {
    const std::string_view payload = std::string_view{frame}.substr(frame_header::size);
    char* const at = frame.data();
    frame_header::magic.copy(at, frame_header::magic.size());
    store_fixed(at + 4, payload.size(), 4);
    store_fixed(at + 8, sequence, 8);
    store_fixed(at + 16, transactions, 2);
    store_fixed(at + 18, unsynced, 2);
    store_fixed(at + 20, crc32c(payload), 4);
    store_fixed(at + 24, frame_header_crc(at, file), 4);
}

/// Nothing if `bytes` do not begin with the header of a frame of that file.
[[nodiscard]] inline std::optional<frame_header> decode_frame_header(std::string_view bytes,
                                                                     std::uint64_t file) noexcept {
    const char* const at = bytes.data();
    if (bytes.size() < frame_header::size || !bytes.starts_with(frame_header::magic) ||
        load_fixed(at + 24, 4) != frame_header_crc(at, file)) {
        return std::nullopt;
    }
    return frame_header{
        .length = static_cast<std::uint32_t>(load_fixed(at + 4, 4)),
        .sequence = load_fixed(at + 8, 8),
        .transactions = static_cast<std::uint16_t>(load_fixed(at + 16, 2)),
        .unsynced = static_cast<std::uint16_t>(load_fixed(at + 18, 2)),
        .payload_crc = static_cast<std::uint32_t>(load_fixed(at + 20, 4)),
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

template <class Out>
void put_operation(Out& payload, journal_op what, std::string_view table, std::string_view key) {
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
