// SPDX-License-Identifier: BSL-1.0
// Each system call of a session store fails once: what it says then is true, and nothing is lost.
#include "support/failing_calls.hpp"

#include "session/stores.hpp"

#include <podscope/session/file.hpp>
#include <podscope/session/segment_format.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/syscall.h>

using namespace podscope;
using namespace podscope_test;

namespace {

/// So long that an entry is searched by bisection, with a line that is no entry, one that is longer
/// than the store allows, and a torn one at the end.
struct long_segment {
    static constexpr std::uint64_t count = 2'000;
    static constexpr std::uint64_t bad = count - 100;
    static constexpr std::uint64_t too_long = count - 200;

    long_segment() {
        for (std::uint64_t i = 0; i != count; ++i) {
            text += i == bad ? "{\"i\":" + std::to_string(bad) + ",no entry}\n"
                             : session_detail::entry_line(
                                   i, {"k", std::string(i == too_long ? 2'000 : 90, 'x')});
        }
        restore();
    }

    void restore() const { overwrite(path, text + R"({"i":2000,"ki)"); }

    [[nodiscard]] result<file_sessions> open() const {
        return file_sessions::open(root / "sessions", {.max_line = 1'000});
    }

    temporary_folder root;
    std::string id = value_of(value_of(open()).create({}));
    std::string path = root / ("sessions/" + id + ".jsonl");
    std::string text = contents(path);
};

template <class T>
bool is_done_or_of(const result<T>& given, errc why) {
    return given || (given.error().category == why && !given.error().message.empty());
}

// Whether a read from an entry on sees entries that are so many and end with what it says.
result<std::uint64_t>
entries_from(const file_sessions& sessions, const std::string& id, std::uint64_t from) {
    std::uint64_t next = from;
    auto done = sessions.read(id, from, [&](std::uint64_t index, const session_entry& entry) {
        next += index == next && entry.body == std::string(90, 'x') ? 1 : long_segment::count;
        return scan::next;
    });
    return done ? result<std::uint64_t>{next - from} : fail(done);
}

call_failure or_random_bits_are_short(std::uint64_t number, const std::uint64_t* arguments) {
    return number == SYS_getrandom ? EIO : for_want(number, arguments);
}

call_failure or_random_bits_are_late(std::uint64_t number, const std::uint64_t* arguments) {
    return number == SYS_getrandom ? EINTR : by_signal(number, arguments);
}

} // namespace

TEST_CASE("F13 F40 a session store that a system call fails says so, and nothing else",
          "[session]") {
    PODSCOPE_NEEDS_PTRACE();
    const long_segment made;
    const auto& id = made.id;
    constexpr auto count = long_segment::count;
    const auto deed = [&](bool bears_it) {
        return [&, bears_it] {
            made.restore();
            int failed = 0;
            const auto failed_by_system = [&](const auto& given) {
                failed += given ? 0 : 1;
                return !is_done_or_of(given, errc::io);
            };
            const auto failed_by_damage = [&](const auto& given) {
                failed += !given && given.error().category == errc::io ? 1 : 0;
                return given ||
                       !(is_done_or_of(given, errc::io) || is_done_or_of(given, errc::corrupt));
            };
            mark_deed();
            auto opened = made.open();
            if (!opened) {
                mark_deed();
                return failed_by_system(opened) ? 1 : bears_it ? 2 : 0;
            }
            const auto last_ones = entries_from(*opened, id, count - 10);
            const auto none = entries_from(*opened, id, count + 50);
            const auto at_bad = entries_from(*opened, id, long_segment::bad);
            const auto at_long = entries_from(*opened, id, long_segment::too_long);
            const auto listed = opened->list();
            const auto info = opened->info(id);
            const auto appended = opened->append(id, {"k", std::string(90, 'x')});
            const auto second = opened->create({.forked_from = id, .at = 3});
            mark_deed();
            if (failed_by_system(last_ones) || failed_by_system(none) || failed_by_damage(at_bad) ||
                failed_by_damage(at_long) || failed_by_system(listed) || failed_by_system(info) ||
                failed_by_system(appended) || failed_by_system(second)) {
                return 3;
            }
            if (failed > (bears_it ? 0 : 1)) {
                return 4; // one call has failed, and all others are none the worse for it
            }
            if ((last_ones && *last_ones != 10) || (none && *none != 0) ||
                (listed && (listed->size() < 1)) || (info && info->entries != count) ||
                (appended && *appended != count)) {
                return 5;
            }
            auto later = made.open();
            const auto total = later ? later->info(id) : fail(later);
            if (!total || total->entries != count + (appended ? 1 : 0)) {
                return 6;
            }
            const auto next = later->append(id, {"k", std::string(90, 'x')});
            const auto all = entries_from(*later, id, count - 10);
            return next && *next == total->entries && all && *all == 10 + *next + 1 - count &&
                           later->list()->size() >= (second ? 2U : 1U)
                       ? 0
                       : 7;
        };
    };
    CHECK(fail_each_call(or_random_bits_are_short, deed(false)) > 40);
    CHECK(fail_each_call(or_random_bits_are_late, deed(true)) > 2);
}
