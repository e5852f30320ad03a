// SPDX-License-Identifier: BSL-1.0
#include "session/stores.hpp"

#include <podscope/session/segment_lines.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>

using namespace podscope;
using namespace podscope_test;
using session_detail::read_ahead;

namespace {

struct text_file {
    explicit text_file(const std::string& text) {
        overwrite(path, text);
        file = session_detail::file_descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
        REQUIRE(file);
    }

    temporary_folder root;
    std::string path = root / "text";
    session_detail::file_descriptor file;
};

} // namespace

TEST_CASE("Lines around the edges of what is read at a time come back whole", "[session]") {
    std::mt19937 random{7};
    for (int round = 0; round != 60; ++round) {
        std::vector<std::string> lines;
        std::string text;
        const auto count = 1 + random() % 12;
        for (std::size_t i = 0; i != count; ++i) {
            const std::size_t near = random() % 4 * read_ahead / 2;
            std::string line(near + random() % 5, static_cast<char>('a' + i));
            text += line + '\n';
            lines.push_back(std::move(line));
        }
        const auto whole = text.size();
        text += std::string(random() % 3 * 5000, 't');
        const text_file made{text};
        const int fd = made.file.get();
        REQUIRE(value_of(session_detail::whole_lines_end(fd, text.size(), made.path)) == whole);
        REQUIRE(value_of(session_detail::count_lines(fd, 0, text.size(), made.path)) ==
                lines.size());

        const auto passed_over = random() % (lines.size() + 1);
        session_detail::line_reader reader{fd, whole, 4 * read_ahead, made.path};
        value_of(reader.skip(passed_over));
        std::uint64_t offset = 0;
        for (std::size_t i = 0; i != lines.size(); offset += lines[i++].size() + 1) {
            if (i < passed_over)
                continue;
            const auto line = value_of(reader.next());
            REQUIRE((line && *line == lines[i]));
            REQUIRE(value_of(reader.line_number()) == i + 1);
            REQUIRE(reader.line_offset() == offset);
        }
        REQUIRE_FALSE(value_of(reader.next()));
        REQUIRE_FALSE(value_of(reader.next()));
        value_of(reader.skip(5));
    }
}

TEST_CASE("A line longer than allowed is refused with its place wherever it is seen", "[session]") {
    for (const std::size_t length : {10UL, read_ahead - 1, read_ahead, 3 * read_ahead}) {
        const text_file made{"short\n" + std::string(length, 'x') + "\nshort\n"};
        const auto size = 13 + length;
        session_detail::line_reader fits{made.file.get(), size, length + 1, made.path};
        REQUIRE(value_of(fits.next()));
        REQUIRE(value_of(fits.next()).value().size() == length);
        REQUIRE(value_of(fits.next()).value() == "short");

        session_detail::line_reader narrow{made.file.get(), size, length, made.path};
        REQUIRE(value_of(narrow.next()));
        const auto found = error_of(narrow.next());
        REQUIRE(found.category == errc::corrupt);
        REQUIRE(found.position == text_position{2, 1});
        REQUIRE(found.offset == 6);
        REQUIRE(found.path == made.path);
    }
}

TEST_CASE("F40 a reader without a limit reads a line that is longer than its buffer", "[session]") {
    constexpr auto no_limit = std::numeric_limits<std::size_t>::max();
    const std::string line(5 * read_ahead, 'x');
    const text_file made{line + "\nshort\n"};
    for (const auto max_line : {no_limit, no_limit - 1, no_limit - read_ahead}) {
        session_detail::line_reader reader{made.file.get(), line.size() + 7, max_line, made.path};
        CHECK(value_of(reader.next()) == line);
        CHECK(value_of(reader.next()) == "short");
        CHECK(value_of(reader.next()) == std::nullopt);
    }
}

TEST_CASE("A reader stops where it was told though the file goes on", "[session]") {
    const text_file made{"one\ntwo\nthree\n"};
    session_detail::line_reader reader{made.file.get(), 8, 100, made.path};
    REQUIRE(value_of(reader.next()).value() == "one");
    REQUIRE(value_of(reader.next()).value() == "two");
    REQUIRE_FALSE(value_of(reader.next()));
}

TEST_CASE("A file that is shorter than it was said to be ends where it ends", "[session]") {
    const text_file made{"one\ntwo"};
    const int fd = made.file.get();
    session_detail::line_reader reader{fd, 1'000'000, 100, made.path};
    REQUIRE(value_of(reader.next()).value() == "one");
    REQUIRE_FALSE(value_of(reader.next()));
    REQUIRE(value_of(session_detail::count_lines(fd, 0, 1'000'000, made.path)) == 1);
    REQUIRE(value_of(session_detail::whole_lines_end(fd, 1'000'000, made.path)) == 4);
}

TEST_CASE("F14 a file that cannot be read is an error with the system's answer", "[session]") {
    temporary_folder root;
    const session_detail::file_descriptor folder{
        ::open(root.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const auto is_directory = [&](const error& found) {
        REQUIRE(found.category == errc::io);
        REQUIRE(found.system == std::errc::is_a_directory);
        REQUIRE(found.path == root.path());
    };
    const int fd = folder.get();
    is_directory(error_of(session_detail::whole_lines_end(fd, 10, root.path())));
    is_directory(error_of(session_detail::count_lines(fd, 0, 10, root.path())));
    session_detail::line_reader reader{fd, 10, 100, root.path()};
    is_directory(error_of(reader.next()));
    is_directory(error_of(reader.skip(1)));
}
