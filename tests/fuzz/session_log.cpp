// SPDX-License-Identifier: BSL-1.0
// The input is a segment's file. What can be read stays readable: an append comes behind it under
// the next index, whatever stood torn at its end.
#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "support/results.hpp"

#include <podscope/session/file.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace podscope;
using podscope_test::must;

const std::string id(segment_id_length, 'a');

// Short, so that a fuzzer's input can hold a line that is too long.
constexpr file_session_options options{.max_line = 2'000};

struct reading {
    result<void> end{};
    std::vector<session_entry> entries{};
};

reading read_all(const file_sessions& sessions, std::uint64_t from) {
    reading read;
    read.end = sessions.read(id, from, [&](std::uint64_t index, const session_entry& entry) {
        fuzz::expect(index == from + read.entries.size(), "an entry has another index");
        read.entries.push_back(entry);
        return scan::next;
    });
    return read;
}

// By another implementation: each entry is what its line says, the number of the entry included.
void compare_with_lines(const std::vector<session_entry>& entries, std::string_view text) {
    for (std::size_t i = 0; i != entries.size(); ++i) {
        text.remove_prefix(text.find('\n') + 1);
        const auto line = nlohmann::json::parse(text.substr(0, text.find('\n')), nullptr, false);
        // It has no place for a number that is too large, of which we ask only the grammar.
        if (!line.is_discarded()) {
            fuzz::expect(line.at("i") == i, "F40 a line is read as another entry");
            fuzz::expect(line.at("kind") == entries[i].kind, "an entry is of another kind");
            fuzz::expect(line.at("body") == entries[i].body, "an entry has another body");
        }
    }
}

bool is_refusal(errc category) {
    return category == errc::corrupt || category == errc::unsupported_version ||
           category == errc::empty_segment;
}

} // namespace

void fuzz::examine(std::string_view input) {
    static const scratch place;
    const auto folder = place.fresh();
    const auto file = folder + "/" + id + ".jsonl";
    set_bytes(file, input);
    auto sessions = must(file_sessions::open(folder, options));
    expect(must(sessions.list()) == std::vector{id}, "a segment is not listed");

    const auto whole = read_all(sessions, 0);
    compare_with_lines(whole.entries, input);
    const auto info = sessions.info(id);
    expect(bytes_of(file) == input, "reading changed a segment");
    if (!whole.end) {
        expect(is_refusal(whole.end.error().category), "F40 damage has another category");
        expect(whole.end.error().path == file, "F40 damage does not name its file");
    }
    if (!info) {
        expect(is_refusal(info.error().category), "F40 damage has another category");
        expect(!whole.end && whole.entries.empty(), "a segment is read that has no header");
        expect(!sessions.append(id, {"kind", "body"}), "F40 damage is appended to");
        expect(bytes_of(file) == input, "F40 a refused append changed a segment");
        return;
    }
    expect(whole.entries.size() <= info->entries, "there are more entries than lines");
    expect(!whole.end || whole.entries.size() == info->entries, "entries are passed over");

    const session_entry added{"note", "a \"text\"\n\x7F"};
    expect(must(sessions.append(id, added)) == info->entries, "an append has another index");
    const auto reopened = must(file_sessions::open(folder, options));
    const auto now = must(reopened.info(id));
    expect(now.entries == info->entries + 1 && !now.torn_tail, "F40 a torn line is left behind");
    expect(now.comes_from == info->comes_from, "an append changed the lineage");
    for (const auto from : {std::uint64_t{0}, info->entries / 2, info->entries}) {
        const auto after = read_all(reopened, from);
        expect(after.end || !whole.end, "what could be read can be read no more");
        for (std::size_t i = 0; i != after.entries.size(); ++i) {
            const auto index = static_cast<std::size_t>(from) + i;
            expect(index == info->entries         ? after.entries[i] == added
                   : index < whole.entries.size() ? after.entries[i] == whole.entries[index]
                                                  : !whole.end,
                   "an entry is another one after an append");
        }
        expect(!after.end || from + after.entries.size() == now.entries, "entries are missing");
    }
}
