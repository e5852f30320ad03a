// SPDX-License-Identifier: BSL-1.0
// Changes of a journal's file whose check sums are right again, as a rule: without that, no change
// would reach what is behind them.
#include <podscope/backend/crc32c.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/wire.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace podscope::backend_detail;

void repair(char* data, std::size_t size, bool lengths_too) {
    if (size < journal_header::size) {
        return;
    }
    journal_magic.copy(data, journal_magic.size());
    store_fixed(data + 60, podscope::crc32c({data, 60}), 4);
    const auto file = load_fixed(data + 32, 8);
    for (std::size_t at = journal_header::size; size - at >= frame_header::size;) {
        const auto room = size - at - frame_header::size;
        auto length = load_fixed(data + at + 4, 4);
        if (length > room) {
            if (!lengths_too) {
                return;
            }
            length = room;
            store_fixed(data + at + 4, length, 4);
        }
        frame_header::magic.copy(data + at, frame_header::magic.size());
        store_fixed(
            data + at + 20,
            podscope::crc32c({data + at + frame_header::size, static_cast<std::size_t>(length)}),
            4);
        store_fixed(data + at + 24, frame_header_crc(data + at, file), 4);
        at += frame_header::size + static_cast<std::size_t>(length);
    }
}

} // namespace

extern "C" std::size_t
LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 8 != 0) {
        repair(static_cast<char*>(static_cast<void*>(data)), size, seed % 3 != 0);
    }
    return size;
}
