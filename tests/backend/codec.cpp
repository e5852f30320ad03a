// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/unknown_fields.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/store/records.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace codec_test {

enum class colour : std::uint8_t { red, green = 5 };

constexpr std::string_view to_string(colour c) noexcept {
    switch (c) {
    case colour::red: return "red";
    case colour::green: return "green";
    }
    return "unknown";
}

enum class serial : std::int32_t {};

struct inner {
    std::int8_t small{};
    std::vector<std::string> words{};
    podscope::unknown_fields later{};

    friend bool operator==(const inner&, const inner&) = default;
};

struct everything {
    bool yes{};
    std::uint8_t byte{};
    std::int64_t wide{};
    std::uint64_t wider{};
    colour paint{};
    serial number{};
    std::string text{};
    podscope::resource place{};
    std::optional<std::string> perhaps{};
    std::optional<std::vector<std::int32_t>> perhaps_many{};
    std::vector<inner> nested{};
    inner one{};
    podscope::unknown_fields unknown{};

    friend bool operator==(const everything&, const everything&) = default;
};

// `everything` as an older program declares it: fields are missing, at the top and inside.
struct older_inner {
    std::int8_t small{};
    podscope::unknown_fields unknown{};
};

struct older {
    std::uint8_t byte{};
    std::string text{};
    older_inner one{};
    std::vector<older_inner> nested{};
    podscope::unknown_fields unknown{};
};

struct forgetful {
    std::uint8_t byte{};

    friend bool operator==(const forgetful&, const forgetful&) = default;
};

struct number_u8 {
    std::uint8_t n{};
};

struct number_u64 {
    std::uint64_t n{};
};

struct number_i8 {
    std::int8_t n{};
};

struct number_i64 {
    std::int64_t n{};
};

struct empties {
    std::vector<std::string> list{};
    std::optional<std::vector<std::string>> perhaps{};

    friend bool operator==(const empties&, const empties&) = default;
};

// The same record twice: one names its fields itself, and the other is adapted below.
struct naming {
    std::uint64_t n{};
    std::vector<inner> list{};
    podscope::unknown_fields unknown{};

    using stored_fields = podscope::record_fields<podscope::field<"n", &naming::n>,
                                                  podscope::field<"list of inner", &naming::list>,
                                                  podscope::field<"unknown", &naming::unknown>>;

    friend bool operator==(const naming&, const naming&) = default;
};

struct adapted {
    std::uint64_t n{};
    podscope::unknown_fields unknown{};
};

} // namespace codec_test

BOOST_HANA_ADAPT_STRUCT(codec_test::adapted, n, unknown);
BOOST_HANA_ADAPT_STRUCT(codec_test::inner, small, words, later);
BOOST_HANA_ADAPT_STRUCT(codec_test::everything,
                        yes,
                        byte,
                        wide,
                        wider,
                        paint,
                        number,
                        text,
                        place,
                        perhaps,
                        perhaps_many,
                        nested,
                        one,
                        unknown);
BOOST_HANA_ADAPT_STRUCT(codec_test::older_inner, small, unknown);
BOOST_HANA_ADAPT_STRUCT(codec_test::older, byte, text, one, nested, unknown);
BOOST_HANA_ADAPT_STRUCT(codec_test::forgetful, byte);
BOOST_HANA_ADAPT_STRUCT(codec_test::number_u8, n);
BOOST_HANA_ADAPT_STRUCT(codec_test::number_u64, n);
BOOST_HANA_ADAPT_STRUCT(codec_test::number_i8, n);
BOOST_HANA_ADAPT_STRUCT(codec_test::number_i64, n);
BOOST_HANA_ADAPT_STRUCT(codec_test::empties, list, perhaps);

namespace {

using namespace codec_test;
using podscope::decode_record;
using podscope::encode_record;
using podscope::errc;
namespace wire = podscope::backend_detail;

class random_source {
public:
    explicit random_source(std::uint32_t seed) : engine_{seed} {}

    std::uint64_t below(std::uint64_t end) { return engine_() % end; }

    template <class T>
    T integer() {
        // Small numbers and extremes are where a codec breaks.
        switch (below(4)) {
        case 0: return static_cast<T>(below(3));
        case 1: return std::numeric_limits<T>::max();
        case 2: return std::numeric_limits<T>::min();
        default: return static_cast<T>(engine_());
        }
    }

    std::string text() {
        std::string made;
        const auto length = below(8) == 0 ? 120 + below(20) : below(12);
        for (std::uint64_t i = 0; i < length; ++i) {
            made.push_back(static_cast<char>(below(256)));
        }
        return made;
    }

    inner make_inner() {
        inner made;
        made.small = integer<std::int8_t>();
        for (auto n = below(4); n != 0; --n) {
            made.words.push_back(text());
        }
        return made;
    }

    everything make() {
        everything made;
        made.yes = below(2) == 1;
        made.byte = integer<std::uint8_t>();
        made.wide = integer<std::int64_t>();
        made.wider = integer<std::uint64_t>();
        made.paint = below(2) == 1 ? colour::red : colour::green;
        made.number = static_cast<serial>(integer<std::int32_t>());
        made.text = text();
        for (auto n = below(5); n != 0; --n) {
            made.place.push(std::to_string(below(1000)));
        }
        if (below(2) == 1) {
            made.perhaps = text();
        }
        if (below(2) == 1) {
            made.perhaps_many.emplace();
            for (auto n = below(4); n != 0; --n) {
                made.perhaps_many->push_back(integer<std::int32_t>());
            }
        }
        for (auto n = below(4); n != 0; --n) {
            made.nested.push_back(make_inner());
        }
        made.one = make_inner();
        return made;
    }

private:
    std::mt19937_64 engine_;
};

// Fields written by hand, for what `encode_record` would never write.
struct by_hand {
    std::string fields{};
    std::uint64_t count = 0;

    by_hand& field(std::string_view name, std::uint8_t kind, std::string_view value) {
        wire::put_text(fields, name);
        fields.push_back(static_cast<char>(kind));
        wire::put_text(fields, value);
        ++count;
        return *this;
    }

    [[nodiscard]] std::string structure() const {
        std::string out;
        wire::put_varint(out, count);
        return out + fields;
    }

    [[nodiscard]] std::string record() const { return '\1' + structure(); }
};

constexpr std::uint8_t kind_unsigned = 2;
constexpr std::uint8_t kind_bytes = 4;
constexpr std::uint8_t kind_list = 6;

std::string subject_of(const auto& failed) {
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().category == errc::corrupt);
    CHECK_FALSE(failed.error().message.empty());
    return failed.error().subject;
}

} // namespace

TEST_CASE("a record that is decoded equals the one that was encoded") {
    random_source random{1};
    for (int i = 0; i < 2000; ++i) {
        const everything before = random.make();
        const std::string bytes = encode_record(before);
        const auto after = decode_record<everything>(bytes);
        REQUIRE(after.has_value());
        REQUIRE(*after == before);
        REQUIRE(encode_record(*after) == bytes);
    }
}

TEST_CASE("every record of the library keeps its value through the codec") {
    podscope::allocation row;
    row.pod = "worker";
    row.owner = {.boot = {1, 2}, .pid_namespace = 4026531836, .pid = 17, .start_time = 99};
    row.allow.push_back(
        {podscope::resource{}.child("srv").child("data"), podscope::permission::write, false});
    row.granted = podscope::epoch{std::numeric_limits<std::uint64_t>::max()};
    row.adopted = true;
    CHECK(decode_record<podscope::allocation>(encode_record(row)).value() == row);

    podscope::standing_layer layer;
    layer.layer = {row.allow.front(), podscope::delegation_ref{"child", podscope::epoch{3}}};
    CHECK(decode_record<podscope::standing_layer>(encode_record(layer)).value() == layer);

    podscope::pod_record pod;
    pod.manifest.deny = row.allow;
    CHECK(decode_record<podscope::pod_record>(encode_record(pod)).value() == pod);
    pod.peers.emplace();
    CHECK(decode_record<podscope::pod_record>(encode_record(pod)).value() == pod);

    podscope::notification told;
    told.what = podscope::event::adopted;
    told.reason = podscope::end_reason::revoked;
    told.at_ms = -1;
    CHECK(decode_record<podscope::notification>(encode_record(told)).value() == told);

    podscope::ended_delegation ended;
    ended.reason = podscope::end_reason::missing;
    CHECK(decode_record<podscope::ended_delegation>(encode_record(ended)).value() == ended);
}

TEST_CASE("the bytes of a record are those of the documented format") {
    CHECK(encode_record(number_u64{0x0102}) == std::string("\1\1\1n\2\2\2\1", 8));
    CHECK(encode_record(number_u64{0}) == std::string("\1\1\1n\2\0", 6));
    CHECK(encode_record(number_i64{-1}) == std::string("\1\1\1n\3\1\1", 7));
    CHECK(encode_record(number_i64{1}) == std::string("\1\1\1n\3\1\2", 7));
    CHECK(encode_record(empties{}) == std::string("\1\0", 2));
    CHECK(encode_record(empties{{"ab"}, std::vector<std::string>{}}) ==
          std::string("\1\2\4list\6\4\4\2ab\7perhaps\6\1\4", 24));
}

TEST_CASE("a struct that names its stored fields is stored as one that Hana adapts") {
    static_assert(boost::hana::Struct<naming>::value);
    CHECK(encode_record(naming{.n = 7}) == encode_record(adapted{.n = 7}));

    const naming full{.n = 7, .list = {inner{}, inner{}}};
    const auto bytes = encode_record(full);
    CHECK(bytes.find("\x0dlist of inner") != std::string::npos);
    CHECK(decode_record<naming>(bytes).value() == full);
    const auto passed_on = decode_record<adapted>(bytes);
    CHECK(decode_record<naming>(encode_record(passed_on.value())).value() == full);
}

TEST_CASE("an absent list and an empty one in an optional stay apart") {
    for (const auto& before : {empties{}, empties{{}, std::vector<std::string>{}}}) {
        CHECK(decode_record<empties>(encode_record(before)).value() == before);
    }
}

TEST_CASE("F39 unknown fields survive a change by an older program at every level") {
    random_source random{2};
    for (int i = 0; i < 500; ++i) {
        everything before = random.make();
        auto known = decode_record<older>(encode_record(before));
        REQUIRE(known.has_value());
        REQUIRE_FALSE(known->unknown.fields.empty());

        known->text = "changed";
        known->one.small = 9;
        before.text = "changed";
        before.one.small = 9;
        if (!known->nested.empty()) {
            known->nested.front().small = -9;
            before.nested.front().small = -9;
        }
        const auto after = decode_record<everything>(encode_record(*known));
        REQUIRE(after.has_value());
        REQUIRE(*after == before);
    }
}

TEST_CASE("F39 a field of a kind from a later version is kept too") {
    const auto bytes = by_hand{}
                           .field("byte", kind_unsigned, "\7")
                           .field("later", 200, std::string("any\0thing", 9))
                           .field("text", kind_bytes, "t")
                           .field("one", 7, by_hand{}.field("small", 3, "").structure())
                           .record();
    auto known = decode_record<older>(bytes);
    REQUIRE(known.has_value());
    REQUIRE(known->unknown.fields.size() == 1);
    CHECK(known->unknown.fields[0].first == "later");
    CHECK(known->unknown.fields[0].second == std::string("\xC8") + std::string("any\0thing", 9));
    const auto again = decode_record<older>(encode_record(*known));
    REQUIRE(again.has_value());
    CHECK(again->unknown == known->unknown);
}

TEST_CASE("F39 a struct without a place for unknown fields passes over them") {
    const auto bytes =
        by_hand{}.field("extra", kind_bytes, "x").field("byte", kind_unsigned, "\7").record();
    CHECK(decode_record<forgetful>(bytes).value() == forgetful{7});
}

TEST_CASE("an unknown field that would hide a known one or is none is not written") {
    older record;
    record.unknown.fields = {{"text", "\4forged"}, {"", "\4x"}, {"bare", ""}, {"good", "\4y"}};
    const auto after = decode_record<older>(encode_record(record));
    REQUIRE(after.has_value());
    CHECK(after->text.empty());
    REQUIRE(after->unknown.fields.size() == 1);
    CHECK(after->unknown.fields[0].first == "good");
}

TEST_CASE("F39 a field that is missing or of another type is named") {
    CHECK(subject_of(decode_record<forgetful>(by_hand{}.record())) == "byte");
    CHECK(subject_of(decode_record<forgetful>(by_hand{}.field("byte", kind_bytes, "7").record())) ==
          "byte");
    CHECK(subject_of(decode_record<forgetful>(by_hand{}
                                                  .field("byte", kind_unsigned, "\7")
                                                  .field("byte", kind_unsigned, "\7")
                                                  .record())) == "byte");

    const auto no_small = by_hand{}.structure();
    CHECK(subject_of(decode_record<older>(by_hand{}
                                              .field("byte", kind_unsigned, "\7")
                                              .field("text", kind_bytes, "t")
                                              .field("one", 7, no_small)
                                              .record())) == "one.small");

    std::string list{'\7'};
    wire::put_text(list, by_hand{}.field("small", 3, "\2").structure());
    wire::put_text(list, no_small);
    CHECK(subject_of(decode_record<older>(by_hand{}.field("nested", kind_list, list).record())) ==
          "nested[1].small");
    CHECK(subject_of(decode_record<older>(
              by_hand{}.field("nested", kind_list, std::string{'\4'}).record())) == "nested");
}

TEST_CASE("a value that its type does not have is refused") {
    const auto read = [](auto type, std::uint8_t kind, std::string_view value) {
        return decode_record<decltype(type)>(by_hand{}.field("n", kind, value).record());
    };
    CHECK(read(number_u8{}, 2, "\xFF").has_value());
    CHECK(subject_of(read(number_u8{}, 2, std::string("\0\1", 2))) == "n");
    CHECK(subject_of(read(number_u64{}, 2, std::string("\1\0", 2))) == "n");
    CHECK(subject_of(read(number_u64{}, 2, "123456789")) == "n");
    CHECK(read(number_i8{}, 3, "\xFF").value().n == -128);
    CHECK(subject_of(read(number_i8{}, 3, std::string("\0\1", 2))) == "n");
    CHECK(subject_of(read(number_u8{}, 3, "\1")) == "n");

    const everything base;
    const auto replaced = [&](std::string_view field, std::string_view value) {
        std::string bytes = encode_record(base);
        const auto at = bytes.find(std::string{static_cast<char>(field.size())}.append(field));
        const auto length = at + 1 + field.size() + 1;
        REQUIRE(static_cast<unsigned char>(bytes[length]) < 0x80);
        std::string put;
        wire::put_text(put, value);
        bytes.replace(length, 1 + static_cast<std::size_t>(bytes[length]), put);
        return decode_record<everything>(bytes);
    };
    CHECK(replaced("paint", "\5").value().paint == colour::green);
    CHECK(subject_of(replaced("paint", "\1")) == "paint");
    CHECK(replaced("number", "\x2A").value().number == serial{21});
    CHECK(subject_of(replaced("yes", "\2")) == "yes");
    CHECK(subject_of(replaced("yes", "")) == "yes");
    CHECK(replaced("place", std::string("a\0b\0", 4)).value().place.depth() == 2);
    CHECK(subject_of(replaced("place", "a")) == "place");
    CHECK(subject_of(replaced("place", std::string("\0", 1))) == "place");
}

TEST_CASE("a record that is cut at any byte is an error") {
    random_source random{3};
    for (int i = 0; i < 50; ++i) {
        const std::string bytes = encode_record(random.make());
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            // A copy of just that size, so that a sanitizer sees a read past its end.
            const std::vector<char> cut(bytes.begin(),
                                        bytes.begin() + static_cast<std::ptrdiff_t>(length));
            const auto read = decode_record<everything>({cut.data(), cut.size()});
            REQUIRE_FALSE(read.has_value());
            REQUIRE(read.error().category == errc::corrupt);
        }
        REQUIRE_FALSE(decode_record<everything>(bytes + '\0').has_value());
    }
}

TEST_CASE("a record with any byte changed is an error or another record") {
    random_source random{4};
    for (int i = 0; i < 20; ++i) {
        const std::string bytes = encode_record(random.make());
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
            const auto read = decode_record<everything>(damaged);
            // Two spellings of one record would be two values of one key in a byte backend.
            REQUIRE((!read.has_value() || encode_record(*read) != bytes));
        }
    }
}

TEST_CASE("a hostile length allocates nothing and reads nothing") {
    for (const std::uint64_t length : {std::uint64_t{1} << 20, std::uint64_t{1} << 32,
                                       std::numeric_limits<std::uint64_t>::max()}) {
        std::string count{'\1'};
        wire::put_varint(count, length);
        CHECK_FALSE(decode_record<everything>(count).has_value());

        std::string name{"\1\1"};
        wire::put_varint(name, length);
        CHECK_FALSE(decode_record<everything>(name + "text").has_value());

        std::string value{"\1\1\4text\4"};
        wire::put_varint(value, length);
        CHECK_FALSE(decode_record<everything>(value + "abc").has_value());

        std::string list{'\7'};
        wire::put_varint(list, length);
        CHECK(subject_of(decode_record<everything>(
                  by_hand{}.field("nested", kind_list, list).record())) == "nested");
    }
    // Eleven bytes of a varint, and two spellings of zero.
    CHECK_FALSE(decode_record<everything>("\1" + std::string(10, '\xFF') + '\1').has_value());
    CHECK_FALSE(decode_record<empties>(std::string("\1\x80\0", 3)).has_value());
}

TEST_CASE("random bytes never crash the decoder") {
    random_source random{5};
    for (int i = 0; i < 20000; ++i) {
        std::string bytes = '\1' + random.text();
        (void)decode_record<everything>(bytes);
        (void)decode_record<podscope::allocation>(bytes);
    }
}

TEST_CASE("a record of another version of the format is told apart from damage") {
    std::string bytes = encode_record(forgetful{7});
    bytes.front() = '\2';
    const auto later = decode_record<forgetful>(bytes);
    REQUIRE_FALSE(later.has_value());
    CHECK(later.error().category == errc::unsupported_version);
    bytes.front() = '\0';
    CHECK(decode_record<forgetful>(bytes).error().category == errc::corrupt);
    CHECK(decode_record<forgetful>("").error().category == errc::corrupt);
}
