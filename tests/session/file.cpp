// SPDX-License-Identifier: BSL-1.0
#include "session/stores.hpp"
#include "session/telling_child.hpp"
#include "support/descriptors.hpp"

#include <podscope/session/file.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

struct one_segment {
    explicit one_segment(file_session_options options = {}, const lineage& from = {})
        : sessions{value_of(file_sessions::open(root / "sessions", options))},
          id{value_of(sessions.create(from))},
          path{root / ("sessions/" + id + ".jsonl")} {}

    std::uint64_t append(const session_entry& entry) {
        return value_of(sessions.append(id, entry));
    }

    temporary_folder root;
    file_sessions sessions;
    std::string id;
    std::string path;
};

const std::string header = "{\"podscope_session\":1}\n";

std::string line(int index, const std::string& body) {
    return "{\"i\":" + std::to_string(index) + ",\"kind\":\"k\",\"body\":\"" + body + "\"}\n";
}

std::uint64_t resident_bytes() {
    std::uint64_t all{};
    std::uint64_t resident{};
    std::ifstream{"/proc/self/statm"} >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

TEST_CASE("A segment is text with one JSON object a line", "[session]") {
    one_segment made{{}, {.forked_from = "00ff", .at = 7}};
    made.append({"prompt", "say \"hi\"\n\tna\xC3\xAFvely"});
    made.append({"", ""});
    REQUIRE(contents(made.path) ==
            "{\"podscope_session\":1,\"forked_from\":\"00ff\",\"at\":7}\n"
            "{\"i\":0,\"kind\":\"prompt\",\"body\":\"say \\\"hi\\\"\\n\\tna\xC3\xAFvely\"}\n"
            "{\"i\":1,\"kind\":\"\",\"body\":\"\"}\n");
}

TEST_CASE("A segment of format 1 opens for ever after", "[session]") {
    const auto then = contents(std::filesystem::path{__FILE__}.parent_path() / "data/segment.v1");
    const std::string id(32, 'a');
    const temporary_folder root;
    {
        const auto made = value_of(file_sessions::open(root / "sessions"));
        overwrite(root / ("sessions/" + id + ".jsonl"), then);
    }
    auto sessions = value_of(file_sessions::open(root / "sessions"));
    const auto info = value_of(sessions.info(id));
    REQUIRE(info.comes_from == lineage{.forked_from = "0123456789abcdef0123456789abcdef", .at = 7});
    REQUIRE(info.entries == 3);
    REQUIRE_FALSE(info.torn_tail);
    const std::vector<visited> written{
        {0, {"podscope.begin", ""}},
        {1, {"prompt", "say \"hi\"\n\t\\ na\xC3\xAFvely \xE2\x82\xAC \x01"}},
        {2, {"metrics", "{\"tokens\":17}"}}};
    REQUIRE(value_of(read_all(sessions, id)) == written);
    REQUIRE(value_of(sessions.append(id, {"k", "b"})) == 3);
    REQUIRE(contents(root / ("sessions/" + id + ".jsonl")) == then + line(3, "b"));
}

TEST_CASE("A second store on the same folder sees the segments of the first", "[session]") {
    one_segment made;
    made.append({"k", "first"});
    auto other = value_of(file_sessions::open(made.root / "sessions"));
    REQUIRE(value_of(other.list()) == std::vector{made.id});
    REQUIRE(value_of(other.append(made.id, {"k", "second"})) == 1);
    REQUIRE(made.append({"k", "third"}) == 2);
    REQUIRE(value_of(other.append(made.id, {"k", "fourth"})) == 3);
    REQUIRE(value_of(read_all(other, made.id)).size() == 4);
}

TEST_CASE("F40 a torn last line is dropped and reported and cut off by the next append",
          "[session]") {
    one_segment made;
    made.append({"k", "first"});
    made.append({"k", "second"});
    const auto whole = contents(made.path);
    made.append({"k", "torn \xE2\x82\xAC"});
    const auto torn = contents(made.path);
    for (auto length = whole.size(); length != torn.size(); ++length) {
        overwrite(made.path, torn.substr(0, length));
        const auto before = value_of(made.sessions.info(made.id));
        REQUIRE(before.entries == 2);
        REQUIRE(before.torn_tail == (length != whole.size()));
        REQUIRE(value_of(read_all(made.sessions, made.id)).size() == 2);
        REQUIRE(contents(made.path) == torn.substr(0, length));

        // Whoever appends next may have seen the segment before the crash, or not.
        auto fresh = value_of(file_sessions::open(made.root / "sessions"));
        auto& writer = length % 2 == 0 ? fresh : made.sessions;
        REQUIRE(value_of(writer.append(made.id, {"k", "next"})) == 2);
        REQUIRE(contents(made.path) == whole + line(2, "next"));
        REQUIRE_FALSE(value_of(writer.info(made.id)).torn_tail);
    }
}

TEST_CASE("F40 a torn last line of any length and any bytes is cut off", "[session]") {
    one_segment made;
    made.append({"k", "first"});
    const auto whole = contents(made.path);
    for (const std::size_t length : {1UL, 4095UL, 4096UL, 4097UL, 200'000UL}) {
        overwrite(made.path, whole + std::string(length, '\0'));
        REQUIRE(value_of(made.sessions.info(made.id)).torn_tail);
        REQUIRE(value_of(made.sessions.append(made.id, {"k", "next"})) == 1);
        REQUIRE(contents(made.path) == whole + line(1, "next"));
    }
}

// What a loss of power leaves of the write of a line: some of its sectors, its end among them.
TEST_CASE("F03 a last line with a hole is dropped and reported and cut off by the next append",
          "[session]") {
    one_segment made;
    made.append({"k", "first"});
    const auto whole = contents(made.path);
    made.append({"k", std::string(10'000, 'x')});
    const auto written = contents(made.path);
    for (auto hole = whole.size(); hole + 1 < written.size(); hole += 617) {
        auto torn = written;
        const auto length = std::min<std::size_t>(512, written.size() - 1 - hole);
        torn.replace(hole, length, length, '\0');
        CAPTURE(hole);
        // And the same again, as where several were written and none was synced.
        for (const auto& left : {torn, torn + torn.substr(whole.size())}) {
            overwrite(made.path, left);
            const auto before = value_of(made.sessions.info(made.id));
            REQUIRE(before.entries == 1);
            REQUIRE(before.torn_tail);
            REQUIRE(value_of(read_all(made.sessions, made.id)).size() == 1);
            REQUIRE(contents(made.path) == left);
            REQUIRE(value_of(made.sessions.append(made.id, {"k", "next"})) == 1);
            REQUIRE(contents(made.path) == whole + line(1, "next"));
        }
    }
}

TEST_CASE("F03 a header with a hole in it is one whose creation was cut short", "[session]") {
    one_segment made{{}, {.forked_from = std::string(2'000, 'a')}};
    auto text = contents(made.path);
    text.replace(700, 512, 512, '\0');
    overwrite(made.path, text);
    REQUIRE(error_of(made.sessions.info(made.id)).category == errc::empty_segment);
    REQUIRE(error_of(made.sessions.append(made.id, {"k", "b"})).category == errc::empty_segment);
}

TEST_CASE("F40 bad JSON in the middle is corrupt with path and line number", "[session]") {
    one_segment made;
    const auto bad = [&](const std::string& text, std::uint64_t column) {
        const auto before = header + line(0, "a") + line(1, "b");
        overwrite(made.path, before + text + '\n' + line(3, "d"));
        std::vector<std::uint64_t> seen;
        const auto found =
            error_of(made.sessions.read(made.id, 0, [&](std::uint64_t index, const session_entry&) {
                seen.push_back(index);
                return scan::next;
            }));
        CAPTURE(text, found.message);
        REQUIRE(found.category == errc::corrupt);
        REQUIRE(found.path == made.path);
        REQUIRE(found.position == text_position{4, column});
        REQUIRE(found.offset == before.size() + column - 1);
        REQUIRE(found.message.find("line 4") != std::string::npos);
        REQUIRE(seen == std::vector<std::uint64_t>{0, 1});
        REQUIRE(contents(made.path) == before + text + '\n' + line(3, "d"));
    };
    bad("", 1);
    bad("garbage", 1);
    bad("{\"i\":2,\"kind\":\"k\",\"body\":\"b\"", 29);
    bad("{\"i\":2,\"kind\":\"k\",\"body\":\"b\"}}", 30);
    bad("{\"i\":2,\"kind\":\"k\",\"body\":7}", 26);
    bad("{\"i\":\"2\",\"kind\":\"k\",\"body\":\"b\"}", 6);
    bad("{\"i\":2,\"kind\":\"k\"}", 18);
    bad("{\"i\":2,\"kind\":\"k\",\"body\":\"\xFF\"}", 27);
    bad("{\"i\":2,\"kind\":\"k\",\"body\":\"b\",\"body\":\"c\"}", 30);
    bad(std::string(100, '\0'), 1);
}

TEST_CASE("F40 an entry that is missing or stands in another's place is corrupt", "[session]") {
    one_segment made;
    for (const auto& text : {line(0, "a") + line(2, "c"), line(0, "a") + line(0, "a"),
                             line(0, "a") + line(7, "x") + line(1, "b")}) {
        overwrite(made.path, header + text);
        const auto found = error_of(read_all(made.sessions, made.id));
        REQUIRE(found.category == errc::corrupt);
        REQUIRE(found.position == text_position{3, 1});
    }
}

TEST_CASE("Entries before the one that is asked for are passed over unread", "[session]") {
    one_segment made;
    overwrite(made.path, header + line(0, "a") + "garbage\n" + line(2, "c"));
    const auto rest = value_of(read_all(made.sessions, made.id, 2));
    REQUIRE(rest == std::vector<visited>{{2, {"k", "c"}}});
    REQUIRE(value_of(made.sessions.info(made.id)).entries == 3);
    REQUIRE(made.append({"k", "d"}) == 3);
}

TEST_CASE("What a person or a later version adds to a line is passed over", "[session]") {
    one_segment made;
    overwrite(made.path,
              "{ \"podscope_session\" : 1 , \"new\": {\"deep\":[1,{\"x\":null}]} }\r\n"
              "{\"body\":\"\\u0062\", \"since\": -1.5e3, \"kind\":\"k\", \"\\u0069\": 0}\r\n"
              "\t{\"i\":1,\"kind\":\"k\",\"body\":\"c\",\"i2\":18446744073709551616}\n");
    REQUIRE(value_of(read_all(made.sessions, made.id)) ==
            std::vector<visited>{{0, {"k", "b"}}, {1, {"k", "c"}}});
}

TEST_CASE("F40 an empty segment is a clear error and stays as it is", "[session]") {
    one_segment made;
    for (const std::string& text : {std::string{}, header.substr(0, header.size() - 1),
                                    std::string{"{"}, std::string(5000, '\0')}) {
        overwrite(made.path, text);
        REQUIRE(error_of(made.sessions.info(made.id)).category == errc::empty_segment);
        REQUIRE(error_of(read_all(made.sessions, made.id)).category == errc::empty_segment);
        const auto found = error_of(made.sessions.append(made.id, {"k", "b"}));
        REQUIRE(found.category == errc::empty_segment);
        REQUIRE(found.path == made.path);
        REQUIRE(contents(made.path) == text);
    }
}

TEST_CASE("F05 a header that is not ours is a clear error and stays as it is", "[session]") {
    one_segment made;
    const auto refused = [&](const std::string& first, errc category) {
        CAPTURE(first);
        const auto text = first + '\n' + line(0, "a");
        overwrite(made.path, text);
        auto fresh = value_of(file_sessions::open(made.root / "sessions"));
        for (const auto& found : {error_of(fresh.info(made.id)), error_of(read_all(fresh, made.id)),
                                  error_of(fresh.append(made.id, {"k", "b"}))}) {
            REQUIRE(found.category == category);
            REQUIRE(found.path == made.path);
            REQUIRE((category != errc::corrupt || found.position.value().line == 1));
        }
        REQUIRE(contents(made.path) == text);
    };
    refused("{\"podscope_session\":2}", errc::unsupported_version);
    refused("{\"podscope_session\":2,\"forked_from\":[\"a\"],\"at\":\"b\"}",
            errc::unsupported_version);
    refused("{\"podscope_session\":18446744073709551615}", errc::unsupported_version);
    refused("{\"podscope_session\":0}", errc::corrupt);
    refused("{\"podscope_session\":\"1\"}", errc::corrupt);
    refused("{\"podscope_session\":1,\"at\":-1}", errc::corrupt);
    refused("{\"podscope_session\":1,\"forked_from\":null}", errc::corrupt);
    refused("{}", errc::corrupt);
    refused("", errc::corrupt);
    refused("#!/bin/sh", errc::corrupt);
    refused(line(0, "a").substr(0, 10), errc::corrupt);
}

TEST_CASE("F40 a million entries are streamed and not loaded whole", "[session][slow]") {
    one_segment made;
    constexpr std::uint64_t count = 1'000'000;
    {
        std::ofstream file{made.path, std::ios::binary | std::ios::app};
        const std::string body(64, 'x');
        for (std::uint64_t i = 0; i != count; ++i)
            file << "{\"i\":" << i << ",\"kind\":\"k\",\"body\":\"" << body << "\"}\n";
        REQUIRE(file.flush().good());
    }
    REQUIRE(std::filesystem::file_size(made.path) > 90'000'000);
    constexpr std::uint64_t allowed = 8UL << 20;
    const auto before = resident_bytes();
    std::uint64_t most = before;
    std::uint64_t seen = 0;
    const auto look = [&](std::uint64_t index, const session_entry&) {
        seen += index == seen ? 1 : 0;
        most = index % 10'000 == 0 ? std::max(most, resident_bytes()) : most;
        return scan::next;
    };
    value_of(made.sessions.read(made.id, 0, look));
    REQUIRE(seen == count);
    REQUIRE(value_of(made.sessions.info(made.id)).entries == count);
    most = std::max(most, resident_bytes());
    REQUIRE(made.append({"k", "one more"}) == count);
    most = std::max(most, resident_bytes());
    REQUIRE(most - before < allowed);
    REQUIRE(value_of(read_all(made.sessions, made.id, count - 1)).size() == 2);
}

TEST_CASE("A line is as long as the options allow and no longer", "[session]") {
    one_segment made{{.max_line = 100}};
    const auto overhead = line(0, "").size();
    REQUIRE(made.append({"k", std::string(100 - overhead, 'x')}) == 0);
    REQUIRE(std::filesystem::file_size(made.path) == header.size() + 100);
    const auto found =
        error_of(made.sessions.append(made.id, {"k", std::string(101 - overhead, 'x')}));
    REQUIRE(found.category == errc::invalid_entry);
    REQUIRE(error_of(made.sessions.create({.forked_from = std::string(100, 'x')})).category ==
            errc::invalid_entry);
    REQUIRE(std::filesystem::file_size(made.path) == header.size() + 100);
    REQUIRE(value_of(read_all(made.sessions, made.id)).size() == 1);

    auto wider = value_of(file_sessions::open(made.root / "sessions"));
    value_of(wider.append(made.id, {"k", std::string(300'000, 'x')}));
    value_of(wider.append(made.id, {"k", "short"}));
    const auto too_long = error_of(read_all(made.sessions, made.id));
    REQUIRE(too_long.category == errc::corrupt);
    REQUIRE(too_long.position == text_position{3, 1});
    REQUIRE(too_long.offset == header.size() + 100);
    REQUIRE(value_of(read_all(made.sessions, made.id, 2)).size() == 1);
    REQUIRE(value_of(made.sessions.info(made.id)).entries == 3);
    REQUIRE(value_of(read_all(wider, made.id)).size() == 3);
}

TEST_CASE("A file that was replaced or shortened is counted anew", "[session]") {
    one_segment made;
    for (int i = 0; i != 3; ++i)
        made.append({"k", "old"});
    overwrite(made.root / "other", header + line(0, "new"));
    std::filesystem::permissions(made.root / "other", std::filesystem::perms{0600});
    std::filesystem::rename(made.root / "other", made.path);
    REQUIRE(made.append({"k", "next"}) == 1);
    overwrite(made.path, header);
    REQUIRE(made.append({"k", "first"}) == 0);
    std::filesystem::remove(made.path);
    REQUIRE(error_of(made.sessions.append(made.id, {"k", "b"})).category == errc::unknown_segment);
}

TEST_CASE("F12 a write that the system cuts short is taken back", "[session]") {
    one_segment made;
    made.append({"k", "first"});
    const auto before = contents(made.path);
    // The limit lets a part of the line through and refuses the rest, as a full disk does.
    telling_child limited{[&](telling_child::line) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{before.size() + 1000, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0)
            return 1;
        const auto failed = made.sessions.append(made.id, {"k", std::string(5000, 'x')});
        if (failed || failed.error().category != errc::io || failed.error().path != made.path ||
            failed.error().system != std::errc::file_too_large)
            return 2;
        if (contents(made.path) != before)
            return 3;
        const auto small = made.sessions.append(made.id, {"k", "there is room for this"});
        return small && *small == 1 ? 0 : 4;
    }};
    REQUIRE(limited.exit_code() == 0);
    REQUIRE(made.append({"k", std::string(5000, 'x')}) == 2);
    REQUIRE(value_of(read_all(made.sessions, made.id)).size() == 3);
}

TEST_CASE("F12 a segment that cannot be begun leaves no file", "[session]") {
    one_segment made;
    telling_child limited{[&](telling_child::line) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{10, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0)
            return 1;
        const auto failed = made.sessions.create({});
        return !failed && failed.error().category == errc::io ? 0 : 2;
    }};
    REQUIRE(limited.exit_code() == 0);
    REQUIRE(value_of(made.sessions.list()) == std::vector{made.id});
}

TEST_CASE("F13 an entry whose sync fails is neither acknowledged nor kept", "[session]") {
    constexpr int no_seccomp = 77;
    one_segment made{{.durable = durability::power}};
    made.append({"k", "first"});
    const auto before = contents(made.path);
    telling_child failing{[&](telling_child::line) {
        if (!let_system_call_fail(SYS_fdatasync, EIO))
            return no_seccomp;
        const auto failed = made.sessions.append(made.id, {"k", "lost"});
        if (failed || failed.error().category != errc::io ||
            failed.error().system != std::errc::io_error)
            return 1;
        if (contents(made.path) != before || made.sessions.create({}))
            return 2;
        auto relaxed = file_sessions::open(made.root / "sessions");
        return relaxed && relaxed->append(made.id, {"k", "second"}) ? 0 : 3;
    }};
    const auto code = failing.exit_code();
    if (code == no_seccomp)
        PODSCOPE_SKIP("no seccomp here");
    REQUIRE(code == 0);
    REQUIRE(value_of(made.sessions.list()) == std::vector{made.id});
    REQUIRE(made.append({"k", "third"}) == 2);
    REQUIRE(value_of(read_all(made.sessions, made.id)).size() == 3);
}

TEST_CASE("F13 an entry that can be neither synced nor taken back is counted", "[session]") {
    constexpr int no_seccomp = 77;
    one_segment made{{.durable = durability::power}};
    made.append({"k", "first"});
    telling_child failing{[&](telling_child::line) {
        if (!let_system_call_fail(SYS_fdatasync, EIO) || !let_system_call_fail(SYS_ftruncate, EIO))
            return no_seccomp;
        if (made.sessions.append(made.id, {"k", "unacknowledged"}))
            return 1;
        auto relaxed = made.sessions.read(
            made.id, 1, [](std::uint64_t, const session_entry&) { return scan::next; });
        const auto again = made.sessions.append(made.id, {"k", "unacknowledged"});
        const auto info = made.sessions.info(made.id);
        return relaxed && !again && info && info->entries == 3 ? 0 : 2;
    }};
    const auto code = failing.exit_code();
    if (code == no_seccomp)
        PODSCOPE_SKIP("no seccomp here");
    REQUIRE(code == 0);
    REQUIRE(made.append({"k", "acknowledged"}) == 3);
    REQUIRE(value_of(read_all(made.sessions, made.id)).size() == 4);
}

TEST_CASE("F13 a segment whose folder cannot be synced is not made", "[session]") {
    constexpr int no_seccomp = 77;
    temporary_folder root;
    telling_child failing{[&](telling_child::line) {
        auto sessions = file_sessions::open(root / "sessions", {.durable = durability::power});
        if (!let_system_call_fail(SYS_fsync, EIO))
            return no_seccomp;
        const auto failed = sessions->create({});
        if (failed || failed.error().category != errc::io || !sessions->list()->empty())
            return 1;
        const auto unsafe = file_sessions::open(root / "more", {.durable = durability::power});
        return unsafe ? 2 : 0;
    }};
    const auto code = failing.exit_code();
    if (code == no_seccomp)
        PODSCOPE_SKIP("no seccomp here");
    REQUIRE(code == 0);
}

TEST_CASE("F14 without a free descriptor every operation says so and works again later",
          "[session]") {
    one_segment made;
    made.append({"k", "first"});
    const auto error_now = [](const auto& given) { return given ? error{} : given.error(); };
    telling_child limited{[&](telling_child::line) {
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        const rlimit none{0, before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
        const std::vector<error> errors{
            error_now(made.sessions.append(made.id, {"k", "b"})),
            error_now(made.sessions.create({})),
            error_now(made.sessions.info(made.id)),
            error_now(read_all(made.sessions, made.id)),
            error_now(made.sessions.list()),
            error_now(file_sessions::open(made.root / "sessions")),
        };
        // Looked at only now: the undefined behaviour sanitizer needs descriptors of its own.
        ::setrlimit(RLIMIT_NOFILE, &before);
        for (const auto& each : errors)
            if (each.category != errc::io || each.system != std::errc::too_many_files_open)
                return 1;
        const auto index = made.sessions.append(made.id, {"k", "second"});
        return index && *index == 1 ? 0 : 2;
    }};
    REQUIRE(limited.exit_code() == 0);
}

TEST_CASE("F54 every descriptor closes on exec and none is left open", "[session]") {
    temporary_folder root;
    const auto ours = [&] { return podscope_test::descriptors_below(root.path()); };
    {
        auto sessions =
            value_of(file_sessions::open(root / "sessions", {.durable = durability::power}));
        const auto id = value_of(sessions.create({}));
        value_of(sessions.append(id, {"k", "b"}));
        std::size_t open = 0;
        value_of(sessions.read(id, 0, [&](std::uint64_t, const session_entry&) {
            for (const int fd : ours()) {
                ++open;
                REQUIRE(podscope_test::closes_on_exec(fd));
            }
            return scan::next;
        }));
        REQUIRE(open == 2);
        (void)sessions.info(id);
        (void)sessions.list();
        (void)sessions.append(id, {"k", "\xFF"});
        (void)sessions.append(std::string(32, '0'), {"k", "b"});
        overwrite(root / ("sessions/" + id + ".jsonl"), "bad\n");
        (void)sessions.append(id, {"k", "b"});
        (void)read_all(sessions, id);
        REQUIRE(ours().size() == 1);
    }
    REQUIRE(ours().empty());
}

TEST_CASE("F01 a writer that is killed loses nothing it acknowledged", "[session][slow]") {
    one_segment made;
    // Some bodies are long, so that a kill can fall into the middle of a write.
    const auto entry = [](std::uint64_t i) {
        const auto letter = static_cast<char>('a' + i % 26);
        return session_entry{"k" + std::to_string(i),
                             std::string(i % 3 == 0 ? 1'000'000 : 100, letter)};
    };
    const auto wait_for_a_write = [&] {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        const auto before = std::filesystem::file_size(made.path);
        while (std::filesystem::file_size(made.path) == before)
            if (std::chrono::steady_clock::now() > deadline)
                FAIL("the writer does not write");
    };
    std::uint64_t entries = 0;
    for (int round = 0; round != 20; ++round) {
        telling_child writer{[&](telling_child::line parent) {
            auto sessions = file_sessions::open(made.root / "sessions");
            for (auto i = entries; sessions;) {
                const auto index = sessions->append(made.id, entry(i));
                if (!index || *index != i)
                    return 1;
                parent.tell(++i);
            }
            return 2;
        }};
        std::uint64_t acknowledged = entries;
        for (int i = 0; i != round % 4; ++i)
            acknowledged = writer.next().value();
        wait_for_a_write();
        writer.kill();
        while (const auto told = writer.next())
            acknowledged = *told;

        const auto info = value_of(made.sessions.info(made.id));
        REQUIRE(info.entries >= acknowledged);
        REQUIRE(info.entries <= acknowledged + 1);
        auto next = entries;
        value_of(
            made.sessions.read(made.id, next, [&](std::uint64_t index, const session_entry& found) {
                next += index == next && found == entry(index) ? 1U : 0U;
                return scan::next;
            }));
        REQUIRE(next == info.entries);
        entries = next;
    }
}

TEST_CASE("Two processes that append to one segment get an index each", "[session]") {
    one_segment made;
    constexpr std::uint64_t each = 300;
    telling_child other{[&](telling_child::line parent) {
        for (std::uint64_t i = 0; i != each; ++i) {
            const auto index = made.sessions.append(made.id, {"child", std::to_string(i)});
            if (!index)
                return 1;
            parent.tell(*index);
        }
        return 0;
    }};
    std::vector<std::uint64_t> mine;
    std::vector<std::uint64_t> theirs;
    for (std::uint64_t i = 0; i != each; ++i) {
        mine.push_back(made.append({"parent", std::to_string(i)}));
        theirs.push_back(other.next().value());
    }
    REQUIRE(other.exit_code() == 0);
    const auto all = value_of(read_all(made.sessions, made.id));
    REQUIRE(all.size() == 2 * each);
    for (std::uint64_t i = 0; i != each; ++i) {
        REQUIRE((all[mine[i]].entry == session_entry{"parent", std::to_string(i)}));
        REQUIRE((all[theirs[i]].entry == session_entry{"child", std::to_string(i)}));
    }
}
