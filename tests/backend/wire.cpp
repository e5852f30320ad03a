// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/backend/wire.hpp>
#include <podscope/backend/wire_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace wire = podscope::backend_detail;

namespace {

bool reads_whole(std::string_view bytes, std::uint64_t& value) {
    return wire::take_varint(bytes, value) && bytes.empty();
}

} // namespace

TEST_CASE("a varint that is read equals the one that was written") {
    for (unsigned shift = 0; shift < 64; ++shift) {
        for (const std::uint64_t near : {0U, 1U, 2U}) {
            const std::uint64_t before = (std::uint64_t{1} << shift) - 1 + near;
            std::string bytes;
            wire::put_varint(bytes, before);
            std::uint64_t after{};
            REQUIRE(reads_whole(bytes, after));
            REQUIRE(after == before);
            for (std::size_t length = 0; length < bytes.size(); ++length) {
                std::string_view cut = std::string_view{bytes}.substr(0, length);
                REQUIRE_FALSE(wire::take_varint(cut, after));
            }
        }
    }
}

TEST_CASE("a varint has one spelling and 64 bits") {
    std::uint64_t value{};
    const std::string nine(9, '\xFF');
    CHECK(reads_whole(nine + '\1', value));
    CHECK(value == std::numeric_limits<std::uint64_t>::max());
    CHECK_FALSE(reads_whole(nine + '\2', value));
    CHECK_FALSE(reads_whole(nine + "\x81" + '\1', value));
    CHECK_FALSE(reads_whole(std::string("\x80\0", 2), value));
    CHECK_FALSE(reads_whole(nine + '\0', value));
}

TEST_CASE("a text closed around any length reads back whole") {
    for (const std::size_t length : {0U, 1U, 127U, 128U, 129U, 16383U, 16384U}) {
        std::string bytes = "before";
        {
            wire::wire_writer out{bytes};
            const auto opened = out.open_text();
            out.append(std::string(length, 'x'));
            out.close_text(opened);
            out.push_back('y');
        }
        std::string same = "before";
        wire::put_text(same, std::string(length, 'x'));
        REQUIRE(bytes == same + 'y');
        std::string_view rest = bytes;
        rest.remove_prefix(6);
        std::string_view text;
        REQUIRE(wire::take_text(rest, text));
        CHECK(text == std::string(length, 'x'));
        CHECK(rest == "y");
    }
}

TEST_CASE("texts within texts read back whole whatever becomes of the lengths around them") {
    for (const std::size_t length : {0U, 100U, 120U, 127U, 128U, 16380U, 20000U}) {
        std::string bytes;
        {
            wire::wire_writer out{bytes};
            const auto outer = out.open_text();
            out.append("a");
            const auto inner = out.open_text();
            out.append(std::string(length, 'x'));
            out.close_text(inner);
            out.append("b");
            out.close_text(outer);
        }
        std::string within = "a";
        wire::put_text(within, std::string(length, 'x'));
        std::string same;
        wire::put_text(same, within + "b");
        CHECK(bytes == same);
    }
}

TEST_CASE("of padded bytes those are appended that were asked for") {
    const std::string name(2 * wire::wire_writer::padding, 'n');
    for (std::size_t size = 0; size <= wire::wire_writer::padding + 1; ++size) {
        std::string bytes;
        wire::wire_writer{bytes}.append_padded(std::string_view{name}.substr(0, size));
        CHECK(bytes == name.substr(0, size));
    }
}

TEST_CASE("a number is appended without the zeros above it, behind its length") {
    const auto appended = [](std::uint64_t value) {
        std::string bytes;
        wire::wire_writer{bytes}.append_number(value);
        return bytes;
    };
    CHECK(appended(0) == std::string("\0", 1));
    CHECK(appended(1) == "\1\1");
    CHECK(appended(0xFF) == "\1\xFF");
    CHECK(appended(0x0100) == std::string("\2\0\1", 3));
    CHECK(appended(0xFF00000000000000U) == std::string("\x8\0\0\0\0\0\0\0\xFF", 9));
}

TEST_CASE("a number of fixed width is little endian") {
    char bytes[8];
    wire::store_fixed(bytes, 0x0102030405060708U, 8);
    CHECK(std::string_view(bytes, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
    CHECK(wire::load_fixed(bytes, 8) == 0x0102030405060708U);
    CHECK(wire::load_fixed(bytes, 4) == 0x05060708U);
}
