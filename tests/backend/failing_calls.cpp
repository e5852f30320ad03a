// SPDX-License-Identifier: BSL-1.0
// Each system call that two handles of a store make fails once: what fails says so, and each commit
// that was reported is there.
#if __has_include(<lmdb.h>) && __has_include(<sqlite3.h>)
#include "support/failing_calls.hpp"

#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/effort.hpp"
#include "support/results.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_inspection.hpp>
#include <podscope/backend/lmdb.hpp>
#include <podscope/backend/sqlite.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <sys/syscall.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::durability;
using podscope::errc;
using podscope::result;
using podscope::scan;
using podscope_test::call_failure;
using podscope_test::mark_deed;
using podscope_test::must;

#if defined(__x86_64__)

constexpr std::uint64_t own_lock = F_OFD_SETLK;

// Besides what fails for every store: what only these ask for, and their own locks.
call_failure for_want(std::uint64_t number, const std::uint64_t* arguments) {
    switch (number) {
    case SYS_fcntl:
        return arguments[1] == own_lock          ? call_failure{ENOLCK}
               : arguments[1] == F_DUPFD_CLOEXEC ? call_failure{EMFILE}
               : arguments[1] == F_SETFD         ? call_failure{EIO}
                                                 : std::nullopt;
    case SYS_getrandom: return ENOSYS;
    case SYS_mknodat: return EIO;
    default: return podscope_test::for_want(number, arguments);
    }
}

// What others may do to a call that is then made again.
call_failure by_others(std::uint64_t number, const std::uint64_t* arguments) {
    if (number == SYS_fcntl && arguments[1] == own_lock) {
        return EACCES;
    }
    return podscope_test::by_signal(number, arguments);
}

// Fewer random bytes than were asked for.
call_failure with_less(std::uint64_t number, const std::uint64_t*) {
    return number == SYS_getrandom ? call_failure{-4} : std::nullopt;
}

#else

constexpr auto for_want = podscope_test::for_want;
constexpr auto by_others = podscope_test::by_signal;
constexpr auto with_less = podscope_test::by_signal;

#endif

struct journal {
    // More than is read at once.
    static constexpr std::size_t large = 400'000;

    static auto open(const std::string& folder) {
        // Compacted by many commits, and looked at by each.
        return podscope::basic_journal<test_schema>::open(folder, {.lock_deadline = 200ms,
                                                                   .compact_above = 0,
                                                                   .compact_factor = 0,
                                                                   .compact_piece = 100,
                                                                   .examine_every = 0ms});
    }
};

struct sqlite {
    static constexpr std::size_t large = 1'000;

    static auto open(const std::string& folder) {
        return podscope::open_sqlite_store<>(folder, {.busy_deadline = 200ms});
    }
};

struct lmdb {
    static constexpr std::size_t large = 1'000;

    static auto open(const std::string& folder) {
        return podscope::open_lmdb_store<>(folder, {.lock_deadline = 200ms});
    }
};

constexpr int not_explained = 99;

/// Uses a store that is there by one handle or two, as far as it gets, in a process that ends then.
/// How many commits were reported, or that an error was none.
template <class Stores>
int use(const std::string& at, bool alone) {
    int told = 0;
    bool is_explained = true;
    const auto bears = [&](const auto& given) {
        is_explained =
            is_explained &&
            (given || (!given.error().message.empty() && given.error().category != errc::corrupt));
        return given.has_value();
    };
    const auto commit = [&](auto& store) {
        told += bears(put_number(store, "n", told + 1)) ? 1 : 0;
        (void)bears(rows_from(store));
    };
    mark_deed();
    if (auto one = Stores::open(at); bears(one)) {
        commit(*one);
        if (alone) {
            commit(*one);
        } else if (auto two = Stores::open(at); bears(two)) {
            for (int i = 0; i != 3; ++i) {
                commit(*two);
                commit(*one);
            }
            if constexpr (podscope::delays_durability<std::remove_cvref_t<decltype(*two)>>) {
                told += bears(two->write_delayed([&](auto& txn) {
                    return txn.template put<numbers>("n", {told + 1, {}});
                }))
                            ? 1
                            : 0;
                commit(*one);
            }
        }
    }
    if constexpr (std::is_same_v<Stores, journal>) {
        (void)bears(podscope::inspect_journal(at + "/journal", [](const auto&) {}));
    }
    mark_deed();
    return is_explained ? told : not_explained;
}

} // namespace

TEMPLATE_TEST_CASE("F12 F14 two handles of a store bear the failure of any system call",
                   "[slow]",
                   journal,
                   sqlite,
                   lmdb) {
    PODSCOPE_NEEDS_PTRACE();
    if (podscope_test::is_sanitised) {
        PODSCOPE_SKIP("a sanitizer makes system calls of its own");
    }
    std::optional<scratch_folder> folder;
    const auto begin_anew = [&] {
        folder.emplace();
        auto store = must(TestType::open(*folder / "store"));
        must(put<notes>(store, "large", {std::string(TestType::large, 'x'), {}, {}}));
        must(put_number(store, "n", 0));
    };
    int least = 100;
    begin_anew();
    const auto calls = podscope_test::fail_each_call(
        for_want, [&] { return use<TestType>(*folder / "store", false); },
        [&](int told) {
            REQUIRE(told != not_explained);
            least = std::min(least, told);
            auto store = must(TestType::open(*folder / "store"));
            // The next one may have been made although nobody was told.
            const auto found = must(value_of(store, "n")).value_or(number{-1, {}}).value;
            REQUIRE((found == told || found == told + 1));
            REQUIRE(must(value_of<notes>(store, "large")).has_value());
            must(put_number(store, "n", 100));
            REQUIRE(must(value_of(store, "n")) == number{100, {}});
            begin_anew();
        });
    CHECK(calls > 50);
    CHECK(least == 0);
}

TEMPLATE_TEST_CASE(
    "F14 a store asks again where others were in the way for a moment", "", journal, sqlite, lmdb) {
    PODSCOPE_NEEDS_PTRACE();
    const scratch_folder folder;

    {
        auto store = must(TestType::open(folder / "store"));
        must(put_number(store, "n", 0));
    }
    const auto calls = podscope_test::fail_each_call(
        by_others, [&] { return use<TestType>(folder / "store", true); },
        [](int told) { REQUIRE(told == 2); });
    CHECK(calls > 2);
}

TEMPLATE_TEST_CASE("F12 F14 a store that is made bears the failure of any system call",
                   "[slow]",
                   journal,
                   sqlite,
                   lmdb) {
    PODSCOPE_NEEDS_PTRACE();
    std::optional<scratch_folder> folder{std::in_place};
    const auto calls = podscope_test::fail_each_call(
        for_want, [&] { return use<TestType>(*folder / "store", true); },
        [&](int told) {
            REQUIRE(told != not_explained);
            auto store = must(TestType::open(*folder / "store"));
            const auto found = must(value_of(store, "n")).value_or(number{0, {}}).value;
            REQUIRE((found == told || found == told + 1));
            must(put_number(store, "n", 100));
            folder.emplace();
        });
    CHECK(calls > 20);
}

TEST_CASE("F14 a journal is not made without a random number of its own") {
    PODSCOPE_NEEDS_PTRACE();
    std::optional<scratch_folder> folder{std::in_place};
    int made_at_all = 0;
    const auto calls = podscope_test::fail_each_call(
        with_less,
        [&] {
            mark_deed();
            const auto made = journal::open(*folder / "store");
            mark_deed();
            return made ? 0 : made.error().system == std::errc::io_error ? 1 : not_explained;
        },
        [&](int code) {
            REQUIRE(code != not_explained);
            made_at_all += code == 0 ? 1 : 0;
            REQUIRE(std::filesystem::exists(*folder / "store/journal") == (code == 0));
            REQUIRE(journal::open(*folder / "store").has_value());
            folder.emplace();
        });
    // One of the store, and one of the file.
    CHECK(calls == 2);
    CHECK(made_at_all == 1);
}

#endif
