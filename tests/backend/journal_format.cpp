// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/backend/journal_format.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace podscope::backend_detail;

const journal_header some_header{.version = 2,
                                 .store = 0x0102030405060708U,
                                 .file = 0x1112131415161718U,
                                 .sequence = 77,
                                 .snapshot_end = 12345};

std::string some_frame() {
    std::string frame(frame_header::size, '\0');
    put_operation(frame, journal_op::put, "table", "key");
    put_text(frame, "record");
    put_operation(frame, journal_op::erase, "table", "");
    seal_frame(frame, 42, 1000, 3, 7);
    return frame;
}

} // namespace

TEST_CASE("a journal's header that is read equals the one that was written") {
    const auto bytes = encode_header(some_header);
    CHECK(std::string_view(bytes.data(), 16) == "podscope journal");
    CHECK(decode_header(bytes) == some_header);
}

TEST_CASE("a journal's header with any bit wrong is none") {
    const auto good = encode_header(some_header);
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            auto bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            REQUIRE_FALSE(decode_header(bad).has_value());
        }
    }
}

TEST_CASE("F05 a header whose sequence cannot be counted on from is none", "[backend][journal]") {
    journal_header header = some_header;
    header.sequence = journal_header::most_sequence - 1;
    CHECK(decode_header(encode_header(header)) == header);
    ++header.sequence;
    CHECK_FALSE(decode_header(encode_header(header)));
    // Of a later version only the version is known.
    header.version = journal_version + 1;
    CHECK(decode_header(encode_header(header)));
}

TEST_CASE("a frame's header is read back and belongs to its file") {
    const std::string frame = some_frame();
    const auto read = decode_frame_header(frame, 42);
    REQUIRE(read.has_value());
    CHECK(read->length == frame.size() - frame_header::size);
    CHECK(read->sequence == 1000);
    CHECK(read->transactions == 3);
    CHECK(read->unsynced == 7);
    CHECK(read->synced_to() == 990);
    CHECK(read->payload_crc == podscope::crc32c(std::string_view{frame}.substr(28)));
    CHECK_FALSE(decode_frame_header(frame, 43).has_value());
}

TEST_CASE(
    "F03 a frame that says more of its transactions are unsynced than there were proves none") {
    std::string frame(frame_header::size, '\0');
    seal_frame(frame, 42, 5, 1, 400);
    CHECK(decode_frame_header(frame, 42).value().synced_to() == 0);
    seal_frame(frame, 42, 5, 1, 4);
    CHECK(decode_frame_header(frame, 42).value().synced_to() == 0);
    seal_frame(frame, 42, 5, 1, 3);
    CHECK(decode_frame_header(frame, 42).value().synced_to() == 1);
}

TEST_CASE("a frame's header with any bit wrong or a byte missing is none") {
    const std::string good = some_frame();
    for (std::size_t at = 0; at < frame_header::size; ++at) {
        REQUIRE_FALSE(decode_frame_header(std::string_view{good}.substr(0, at), 42).has_value());
        for (int bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            REQUIRE_FALSE(decode_frame_header(bad, 42).has_value());
        }
    }
}

TEST_CASE("operations are read in the order in which they were written") {
    const std::string frame = some_frame();
    std::string_view payload = std::string_view{frame}.substr(frame_header::size);
    journal_operation op;
    REQUIRE(take_operation(payload, op));
    CHECK(op.what == journal_op::put);
    CHECK(op.table == "table");
    CHECK(op.key == "key");
    CHECK(op.record == "record");
    REQUIRE(take_operation(payload, op));
    CHECK(op.what == journal_op::erase);
    CHECK(op.key.empty());
    CHECK(op.record.empty());
    CHECK(payload.empty());
    CHECK_FALSE(take_operation(payload, op));
}

TEST_CASE("an operation that is cut short or unknown is none") {
    const std::string frame = some_frame();
    const auto payload = std::string_view{frame}.substr(frame_header::size);
    journal_operation op;
    std::string_view first = payload;
    REQUIRE(take_operation(first, op));
    const auto length = payload.size() - first.size();
    for (std::size_t cut = 0; cut < length; ++cut) {
        std::string_view part = payload.substr(0, cut);
        REQUIRE_FALSE(take_operation(part, op));
    }
    std::string unknown{payload};
    unknown.front() = '\3';
    std::string_view rest = unknown;
    CHECK_FALSE(take_operation(rest, op));
}
