// SPDX-License-Identifier: BSL-1.0
// An entry is found without reading those before it: by the bytes that are read, and by what comes
// out, which is the same as if all lines had been counted.
#include "session/stores.hpp"

#include <podscope/session/file.hpp>
#include <podscope/session/segment_format.hpp>
#include <podscope/session/segment_search.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

thread_local std::uint64_t bytes_read = 0;
thread_local std::uint64_t reads_made = 0;

} // namespace

// The C library's name, which a program may define itself: what is compiled into this one calls it.
extern "C" ssize_t pread(int fd, void* into, size_t size, off_t offset) {
    const ssize_t got = ::syscall(SYS_pread64, fd, into, size, offset);
    bytes_read += got > 0 ? static_cast<std::uint64_t>(got) : 0;
    ++reads_made;
    return got;
}

namespace {

struct written_segment {
    /// Writes a segment's file as a whole, header and all.
    explicit written_segment(const std::string& text)
        : id{value_of(sessions.create({}))},
          path{root / ("sessions/" + id + ".jsonl")} {
        overwrite(path, text);
    }

    temporary_folder root;
    file_sessions sessions = value_of(file_sessions::open(root / "sessions"));
    std::string id;
    std::string path;
};

std::string entry(std::uint64_t index, const std::string& body) {
    return session_detail::entry_line(index, {"k", body});
}

/// A segment's lines, of which the first is its header, as a reader sees them who counts lines:
/// line 1 + k is where entry k must stand.
struct plain_lines {
    explicit plain_lines(const std::string& text) {
        for (std::size_t start = 0; start < text.size();) {
            const auto newline = text.find('\n', start);
            if (newline == std::string::npos)
                break;
            all.push_back(text.substr(start, newline - start));
            offsets.push_back(start);
            start = newline + 1;
        }
        // The last ones are torn if they have a hole.
        while (!all.empty() && all.back().find('\0') != std::string::npos) {
            all.pop_back();
            offsets.pop_back();
        }
    }

    std::vector<std::string> all;
    std::vector<std::size_t> offsets;
};

/// What a read did, or must do: which entries it visits, and the line of the error that it ends
/// with and where that starts, or 0.
struct outcome {
    std::vector<visited> entries{};
    std::uint64_t bad_line{};
    std::uint64_t bad_offset{};

    friend bool operator==(const outcome&, const outcome&) = default;
};

/// Line by line from the one at which the first entry must stand.
outcome
read_plainly(const plain_lines& lines, std::uint64_t at, std::uint64_t index, std::size_t at_most) {
    outcome found;
    for (; at < lines.all.size() && found.entries.size() != at_most; ++at, ++index) {
        session_entry read;
        if (session_detail::read_entry(lines.all[at], index, read)) {
            found.bad_line = at + 1;
            found.bad_offset = lines.offsets[at];
            break;
        }
        found.entries.push_back({index, read});
    }
    return found;
}

outcome by_counting(const plain_lines& lines, std::uint64_t from, std::size_t at_most) {
    const auto all = lines.all.size();
    return read_plainly(lines, from < all ? from + 1 : all, from, at_most);
}

outcome read_from(written_segment& made, std::uint64_t from, std::size_t at_most) {
    outcome found;
    const auto done =
        made.sessions.read(made.id, from, [&](std::uint64_t index, const session_entry& e) {
            found.entries.push_back({index, e});
            return found.entries.size() == at_most ? scan::stop : scan::next;
        });
    if (!done) {
        const auto& failed = done.error();
        REQUIRE(failed.category == errc::corrupt);
        const auto where = failed.position.value();
        found.bad_line = where.line;
        found.bad_offset = failed.offset.value() + 1 - where.column;
        REQUIRE(failed.message.find("line " + std::to_string(where.line) + " ") !=
                std::string::npos);
    }
    return found;
}

/// Each line is where counting leads.
void check_counted(written_segment& made,
                   const plain_lines& lines,
                   std::uint64_t from,
                   std::size_t at_most) {
    CAPTURE(from, at_most);
    REQUIRE((read_from(made, from, at_most) == by_counting(lines, from, at_most)));
}

/// Where lines were lost or added, an entry may also stand behind one that says that it is the one
/// before: what was damaged before the first entry that is asked for is no error.
void check_found(written_segment& made,
                 const plain_lines& lines,
                 std::uint64_t from,
                 std::size_t at_most) {
    const auto found = read_from(made, from, at_most);
    bool fits = found == by_counting(lines, from, at_most);
    for (std::size_t at = 1; at < lines.all.size() && from != 0 && !fits; ++at)
        if (session_detail::entry_of(lines.all[at]) == from - 1)
            fits = found == read_plainly(lines, at + 1, from, at_most);
    CAPTURE(from, at_most, found.entries.size(), found.bad_line);
    REQUIRE(fits);
}

const std::string header_line = "{\"podscope_session\":1}\n";

} // namespace

TEST_CASE("F40 a read from an entry near the end of a long segment reads little of it",
          "[session]") {
    constexpr std::uint64_t count = 100'000;
    std::string text = header_line;
    for (std::uint64_t i = 0; i != count; ++i)
        text += entry(i, std::string(40 + i % 31, 'x') + std::to_string(i));
    written_segment made{text};
    REQUIRE(text.size() > 8'000'000);

    const auto costs = [&](std::uint64_t from) {
        bytes_read = 0;
        reads_made = 0;
        std::uint64_t seen = 0;
        value_of(made.sessions.read(made.id, from, [&](std::uint64_t index, const session_entry&) {
            REQUIRE(index == from);
            ++seen;
            return scan::stop;
        }));
        REQUIRE(seen == (from < count ? 1 : 0));
        CAPTURE(from, bytes_read, reads_made);
        REQUIRE(bytes_read < 400'000);
        REQUIRE(reads_made < 60);
    };
    // The last one is the next to come, which somebody waits for.
    for (const std::uint64_t from :
         {0UL, 1UL, 10UL, 5'000UL, 50'000UL, 99'000UL, 99'998UL, 99'999UL, 100'000UL})
        costs(from);
    std::mt19937_64 random{3};
    for (int round = 0; round != 200; ++round)
        costs(random() % count);
}

TEST_CASE("F40 the bisection costs the same however the lengths of lines are spread", "[session]") {
    // All short lines stand at one end: the entry in the middle is not in the middle of the file.
    std::string text = header_line;
    for (std::uint64_t i = 0; i != 20'000; ++i)
        text += entry(i, "x");
    for (std::uint64_t i = 20'000; i != 20'050; ++i)
        text += entry(i, std::string(200'000, 'y'));
    for (std::uint64_t i = 20'050; i != 30'000; ++i)
        text += entry(i, "z");
    written_segment made{text};
    for (const std::uint64_t from : {19'000UL, 19'999UL, 20'000UL, 20'025UL, 20'049UL, 20'050UL,
                                     20'051UL, 29'999UL, 30'000UL}) {
        bytes_read = 0;
        std::uint64_t seen = 0;
        value_of(made.sessions.read(made.id, from, [&](std::uint64_t, const session_entry&) {
            ++seen;
            return scan::stop;
        }));
        CAPTURE(from, bytes_read);
        REQUIRE(seen == (from < 30'000 ? 1 : 0));
        // Of 11 million, in which a line to find the end of may be 200 000 long.
        REQUIRE(bytes_read < 1'500'000);
    }
}

TEST_CASE("F40 an entry is where counting lines leads, in sound, torn and damaged segments",
          "[session]") {
    std::mt19937_64 random{11};
    const auto pick = [&](std::uint64_t below) { return random() % below; };
    for (int round = 0; round != 80; ++round) {
        const auto count = 1 + pick(3'000);
        const auto longest = std::uint64_t{1} << (3 + pick(8));
        std::vector<std::string> lines;
        for (std::uint64_t i = 0; i != count; ++i)
            lines.push_back(entry(i, std::string(pick(longest), 'x')));
        if (pick(4) == 0) {
            const auto at = pick(count);
            lines[at] = entry(at, std::string(300'000, 'w'));
        }
        // Some are overwritten, edited or forged, and in half of the rounds lost or added.
        const bool shifted = round % 2 == 0;
        for (auto left = round % 3 == 0 ? 0 : 1 + pick(4); left != 0 && !lines.empty(); --left) {
            const auto at = pick(lines.size());
            const auto where = lines.begin() + static_cast<std::ptrdiff_t>(at);
            switch (pick(shifted ? 6 : 3)) {
            case 0: *where = std::string(where->size() - 1, '\0') + '\n'; break;
            case 1:
                *where =
                    "{ \"kind\":\"k\",\"body\":\"by hand\",\"i\":" + std::to_string(at) + " }\n";
                break;
            case 2: *where = entry(pick(2 * count), "forged"); break;
            case 3: lines.erase(where); break;
            case 4: lines.insert(where, std::string{*where}); break;
            default: where->insert(where->size() / 2, 1, '\n');
            }
        }
        std::string text = header_line;
        for (const auto& line : lines)
            text += line;
        if (pick(2) == 0)
            text += entry(count, std::string(longest, 't')).substr(0, 1 + pick(longest));
        if (text.back() != '\n' && pick(3) == 0)
            text += std::string(pick(100'000), '\0');

        written_segment made{text};
        const plain_lines plain{text};
        CAPTURE(round, count, plain.all.size());
        // A forged line may be taken for another entry's forerunner too.
        const auto check = round % 3 == 0 ? check_counted : check_found;
        for (int reading = 0; reading != 25; ++reading)
            check(made, plain, pick(count + 3), static_cast<std::size_t>(1 + pick(3)));
        check(made, plain, count / 2, text.size());
        check(made, plain, UINT64_MAX, 1);
    }
}

TEST_CASE("F40 what a line says of itself is read as it was written and not otherwise",
          "[session]") {
    using session_detail::entry_of;
    REQUIRE(entry_of(entry(0, "b")) == 0);
    REQUIRE(entry_of(entry(7'000, "b")) == 7'000);
    REQUIRE(entry_of(entry(UINT64_MAX, "b").substr(0, session_detail::longest_entry_start)) ==
            UINT64_MAX);
    for (const std::string other :
         {"", "{", "{\"i\":", "{\"i\":7", "{\"i\":,", "{\"i\":-1,", "{\"i\":7}", "{\"i\":7 ,",
          "{ \"i\":7,", "{\"i\":18446744073709551616,", "{\"i2\":7,", "{\"kind\":\"k\","})
        REQUIRE_FALSE(entry_of(other));
}

TEST_CASE("F40 a bisection that meets damage ends where it still knew its place", "[session]") {
    // Sound at both ends, and nothing but garbage between.
    std::string text = header_line;
    for (std::uint64_t i = 0; i != 2'000; ++i)
        text += i > 400 && i < 1'600 ? std::string(90, '#') + '\n' : entry(i, std::string(70, 'x'));
    written_segment made{text};
    const plain_lines plain{text};
    for (const std::uint64_t from :
         {1UL, 399UL, 400UL, 401UL, 900UL, 1'599UL, 1'600UL, 1'601UL, 1'999UL, 2'000UL, 2'001UL})
        check_counted(made, plain, from, 3);
}

TEST_CASE("F40 a search in what was cut off meanwhile ends where the file was said to end",
          "[session]") {
    using session_detail::next_line_start;
    const written_segment made{header_line + "a last line that is torn"};
    const session_detail::file_descriptor file{::open(made.path.c_str(), O_RDONLY | O_CLOEXEC)};
    const auto size = contents(made.path).size();
    const auto behind_header = header_line.size();
    REQUIRE(value_of(next_line_start(file.get(), 0, size, made.path)) == behind_header);
    REQUIRE(value_of(next_line_start(file.get(), behind_header, size, made.path)) == size);
    REQUIRE(value_of(next_line_start(file.get(), behind_header, size + 9'000, made.path)) ==
            size + 9'000);
}
