// SPDX-License-Identifier: BSL-1.0
// The first byte of the input says which table's record the rest is. What decodes must encode to
// bytes that decode to an equal record, and those bytes must be whole: one less or one more is no
// record.
#include "fuzz/target.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/record_text.hpp>
#include <podscope/pod/schema.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using namespace podscope;

template <class Record>
void examine_record(std::string_view bytes) {
    const auto read = decode_record<Record>(bytes);
    if (!read) {
        const auto why = read.error().category;
        fuzz::expect(why == errc::corrupt || why == errc::unsupported_version,
                     "F39 bytes that are no record are neither damaged nor too new");
        fuzz::expect(!read.error().message.empty(), "F39 a refusal says nothing");
        return;
    }
    const auto written = encode_record(*read);
    const auto again = decode_record<Record>(written);
    fuzz::expect(again && *again == *read, "a record that is written and read is another one");
    fuzz::expect(encode_record(*again) == written, "equal records have other bytes");
    fuzz::expect(!decode_record<Record>(written + '\0'), "a byte behind a record is passed over");
    fuzz::expect(!decode_record<Record>(std::string_view{written}.substr(0, written.size() - 1)),
                 "a record without its last byte is one");
}

template <class... Tables>
void examine_in(schema<Tables...>, std::size_t which, std::string_view bytes) {
    std::size_t at = 0;
    ((at++ == which % sizeof...(Tables) ? examine_record<typename Tables::record>(bytes) : void()),
     ...);
}

} // namespace

void fuzz::examine(std::string_view input) {
    if (input.empty()) {
        return;
    }
    const auto bytes = input.substr(1);
    (void)record_to_text(bytes);
    examine_in(pod_schema{}, static_cast<unsigned char>(input.front()), bytes);
}
