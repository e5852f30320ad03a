// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/backend/crc32c.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using podscope::crc32c;

namespace {

std::uint32_t bit_by_bit(std::string_view bytes) {
    std::uint32_t rest = 0xFFFFFFFFU;
    for (const char c : bytes) {
        rest ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) {
            rest = (rest >> 1) ^ ((rest & 1U) != 0 ? 0x82F63B78U : 0U);
        }
    }
    return ~rest;
}

} // namespace

TEST_CASE("crc32c gives the values of RFC 3720 appendix B.4") {
    std::string ascending;
    std::string descending;
    for (int i = 0; i < 32; ++i) {
        ascending.push_back(static_cast<char>(i));
        descending.push_back(static_cast<char>(31 - i));
    }
    CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAU);
    CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43U);
    CHECK(crc32c(ascending) == 0x46DD794EU);
    CHECK(crc32c(descending) == 0x113FDB5CU);
    CHECK(crc32c("123456789") == 0xE3069283U);
    CHECK(crc32c("") == 0);
    static_assert(crc32c("123456789") == 0xE3069283U);
}

TEST_CASE("crc32c by tables and by instruction is crc32c bit by bit everywhere") {
    std::string bytes;
    for (unsigned i = 0; i < 64; ++i) {
        bytes.push_back(static_cast<char>(i * 37 + 11));
    }
    for (std::size_t from = 0; from < 9; ++from) {
        for (std::size_t length = 0; length <= bytes.size() - from; ++length) {
            const auto part = std::string_view{bytes}.substr(from, length);
            REQUIRE(crc32c(part) == bit_by_bit(part));
            REQUIRE(~podscope::backend_detail::crc32c_by_tables(part, ~0U) == bit_by_bit(part));
        }
    }
}

TEST_CASE("crc32c of a whole is crc32c of its second part after its first") {
    const std::string_view whole = "a journal is written in pieces";
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        REQUIRE(crc32c(whole.substr(cut), crc32c(whole.substr(0, cut))) == crc32c(whole));
    }
}
