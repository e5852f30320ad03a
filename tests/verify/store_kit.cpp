// SPDX-License-Identifier: BSL-1.0
// What the kit for stores finds: each flaw by the name of the promise that it breaks.
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "verify/flawed_store.hpp"
#include "verify/leasing_store.hpp"
#include "verify/snapshot_backend.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/verify/conformance/catch2.hpp>
#include <podscope/verify/conformance/store.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope;
using namespace podscope::verify;
using namespace verify_test;

using memory = basic_memory<store_kit_schema>;
using journal = basic_journal<store_kit_schema, durability::process>;

struct in_memory {
    flaw which;
    memory store{};
    std::shared_ptr<flawed_past> past = std::make_shared<flawed_past>();

    auto open() { return flawed_store<memory>{which, store, past}; }
};

struct in_journal {
    flaw which;
    podscope_test::temporary_folder folder{};
    std::shared_ptr<flawed_past> past = std::make_shared<flawed_past>();

    auto open() { return flawed_store<journal>{which, journal::open(folder / "s").value(), past}; }
};

struct in_leasing_journal {
    lease_flaw which;
    podscope_test::temporary_folder folder{};

    auto open() { return leasing_store<journal>{which, journal::open(folder / "s").value()}; }
};

// Its rows last and hang on leases, and are seen by one process.
struct of_one_process : leasing_store<journal> {
    static constexpr podscope::reach reaches = podscope::reach::thread;

    using leasing_store::leasing_store;
};

struct in_one_process {
    podscope_test::temporary_folder folder{};

    auto open() { return of_one_process{lease_flaw::none, journal::open(folder / "s").value()}; }
};

// It delays commits and counts them besides.
struct counting_alone : flawed_store<journal> {
    static constexpr podscope::reach reaches = podscope::reach::thread;

    using flawed_store::flawed_store;
};

struct in_one_that_counts {
    podscope_test::temporary_folder folder{};

    auto open() {
        return counting_alone{flaw::none, journal::open(folder / "s").value(),
                              std::make_shared<flawed_past>()};
    }
};

struct in_snapshots {
    overlap_flaw which;
    snapshot_backend store{which};

    auto open() { return store; }
};

struct in_one_place {
    memory store{};

    auto open() { return one_place_store<memory>{store}; }
};

conformance_report report_on(overlap_flaw which) {
    return check_store([which] { return in_snapshots{which}; });
}

// What is kept for good is waited for.
conformance_report report_on(lease_flaw which) {
    return check_store(
        [which] { return in_leasing_journal{which}; },
        {.patience = std::chrono::seconds{which == lease_flaw::none ? 30 : 1}, .rounds = 1});
}

template <class Place>
conformance_report report_on(flaw which) {
    return check_store([which] { return Place{which}; });
}

struct expectation {
    flaw which;
    std::string_view promise;
};

constexpr std::array of_rows{
    expectation{flaw::loses_puts, "a row is there after it was put and not before"},
    expectation{flaw::merges_rows, "a put replaces the whole row"},
    expectation{flaw::erase_needs_row,
                "an erased row is gone and erasing what is not there is no error"},
    expectation{flaw::mixes_tables, "tables are apart"},
    expectation{flaw::cuts_keys_at_nul, "keys and texts are any bytes and may be long"},
    expectation{flaw::cuts_long_keys, "keys and texts are any bytes and may be long"},
    expectation{flaw::scans_backwards,
                "a scan goes in byte order from the first key that is not less"},
    expectation{flaw::scan_leaves_out_first,
                "a scan goes in byte order from the first key that is not less"},
    expectation{flaw::scans_one_page, "a scan goes on however many rows there are"},
    expectation{flaw::ignores_stop, "a scan stops when it is told to and keeps to its prefix"},
    expectation{flaw::refuses_nested_reads, "a visitor may read and scan in turn"},
    expectation{flaw::gets_nothing_in_scans, "a visitor may read and scan in turn"},
    expectation{flaw::dies_of_visitors, "a visitor that throws leaves the store usable"},
    expectation{flaw::scans_committed_only, "a transaction reads its own writes"},
    expectation{flaw::gets_committed_only, "a transaction reads its own writes"},
};

constexpr std::array of_transactions{
    expectation{flaw::commits_failures,
                "a transaction that fails leaves nothing and gives its error"},
    expectation{flaw::commits_throws,
                "a transaction that throws leaves nothing and the store usable"},
    expectation{flaw::rewords_errors,
                "a transaction that fails leaves nothing and gives its error"},
    expectation{flaw::drops_subjects,
                "a transaction that fails leaves nothing and gives its error"},
    expectation{flaw::hides_failures, "a history leaves what a map would hold"},
    expectation{flaw::renames_errors, "what a body returns is returned"},
    expectation{flaw::forgets_words, "what a body returns is returned"},
    expectation{flaw::reads_what_is_newest, "a transaction that reads sees one state to its end"},
    expectation{flaw::loses_third_change, "a history leaves what a map would hold"},
    expectation{flaw::caches_reads, "handles see each other's commits"},
    expectation{flaw::loses_updates, "threads that write at once lose nothing"},
    expectation{flaw::throws_in_threads, "threads that write at once lose nothing"},
    expectation{flaw::tears_transactions, "a commit is seen whole or not at all"},
    expectation{flaw::misses_erase_in_generation,
                "the generation moves with every commit before that is reported"},
    expectation{flaw::counts_for_itself,
                "the generation moves with every commit before that is reported"},
    expectation{flaw::counts_for_itself, "nothing is newer while the generation is the same"},
    expectation{flaw::moves_generation_late,
                "the generation moves with every commit before that is reported"},
    expectation{flaw::drops_delayed, "a delayed commit is seen at once"},
    expectation{flaw::commits_delayed_failures, "a delayed commit that fails leaves nothing"},
};

constexpr std::array over_processes{
    expectation{flaw::forgets_on_close,
                "what was committed is there when the store is opened again"},
    expectation{flaw::loses_updates, "processes that write at once lose nothing"},
    expectation{flaw::caches_reads, "processes see each other's commits"},
    expectation{flaw::writes_at_the_end,
                "of two processes that put what neither read one reads it"},
    expectation{flaw::counts_for_itself,
                "the generation moves in every process before a commit is reported"},
    expectation{flaw::commits_each_put,
                "a process that is killed in a transaction leaves nothing of it"},
    expectation{flaw::tears_transactions,
                "what was acknowledged outlives the process that wrote it"},
    expectation{flaw::acknowledges_early,
                "what was acknowledged outlives the process that wrote it"},
    expectation{flaw::reorders_delayed, "a crash takes delayed commits back from the last one on"},
};

constexpr std::string_view gets_hold = "of two that put what neither got one gets it";
constexpr std::string_view scans_hold = "of two that put what neither scanned one scans it";
constexpr std::string_view runs_begin_anew =
    "a body that is run again leaves nothing of its earlier runs";
constexpr std::string_view handles_hold = "what was got stays as it is until that row is changed";
constexpr std::array on_overlap{
    std::pair{overlap_flaw::compares_no_reads, gets_hold},
    std::pair{overlap_flaw::compares_no_reads, scans_hold},
    std::pair{overlap_flaw::compares_no_scans, scans_hold},
    std::pair{overlap_flaw::keeps_what_a_run_has_put, runs_begin_anew},
};

constexpr std::string_view how_rows_hang =
    "a row hangs on what it was put on and on nothing after a put";
constexpr std::string_view how_leases_end =
    "all that hangs on a dead process's lease goes at one moment and nothing else";
constexpr std::array on_leases{
    std::pair{lease_flaw::hangs_nothing_beside, how_rows_hang},
    std::pair{lease_flaw::hangs_beside_on_own, how_rows_hang},
    std::pair{lease_flaw::keeps_lease_at_put, how_rows_hang},
    std::pair{lease_flaw::hangs_beside_on_own, how_leases_end},
    std::pair{lease_flaw::keeps_first_lease, how_leases_end},
    std::pair{lease_flaw::lets_go_by_tables, how_leases_end},
    std::pair{lease_flaw::lets_nothing_go, how_leases_end},
};

void check_broken(const conformance_report& report, std::string_view name) {
    CAPTURE(report.to_text());
    const auto found = std::ranges::find(report.promises, name, &promise::name);
    REQUIRE(found != report.promises.end());
    CHECK(found->found == standing::broken);
    CHECK(found->shown.find('\n') != std::string::npos);
}

template <class Place, std::size_t N>
void check_each(const std::array<expectation, N>& all) {
    for (const auto& [which, name] : all) {
        CAPTURE(static_cast<int>(which));
        check_broken(report_on<Place>(which), name);
    }
}

struct declared : memory {
    static constexpr std::array deviations{
        deviation{"tables are apart", "there is one table"},
        deviation{"tables are upside down", "nobody says so"},
    };
};

struct of_declared {
    declared store{};

    auto open() { return store; }
};

} // namespace

TEST_CASE("F42 the kit names what a store breaks of its rows", "[concurrent]") {
    check_each<in_memory>(of_rows);
}

TEST_CASE("F42 the kit names what a store breaks of its transactions", "[concurrent]") {
    check_each<in_memory>(of_transactions);
}

TEST_CASE("F42 the kit names what a store breaks among processes", "[concurrent]") {
    check_each<in_journal>(over_processes);
}

// Each breaks that and nothing else: no other promise is one of transactions that overlap.
TEST_CASE("F42 the kit names what a store breaks where transactions overlap", "[concurrent]") {
    for (const auto& [which, name] : on_overlap) {
        CAPTURE(static_cast<int>(which));
        check_broken(report_on(which), name);
    }
    CHECK(report_on(overlap_flaw::compares_no_scans).names(standing::broken) ==
          std::vector{std::string{scans_hold}});
    PODSCOPE_CHECK_PROMISES(report_on(overlap_flaw::none));
}

TEST_CASE("F42 the kit names a store whose gets share one place") {
    const auto report = check_store([] { return in_one_place{}; });
    check_broken(report, handles_hold);
    CHECK(report.names(standing::broken) == std::vector{std::string{handles_hold}});
}

TEST_CASE("F42 the kit names what a store breaks whose rows hang on leases", "[concurrent]") {
    for (const auto& [which, name] : on_leases) {
        CAPTURE(static_cast<int>(which));
        check_broken(report_on(which), name);
    }
    const auto sound = report_on(lease_flaw::none);
    PODSCOPE_CHECK_PROMISES(sound);
    for (const auto name : {how_rows_hang, how_leases_end}) {
        CHECK(std::ranges::find(sound.promises, name, &promise::name)->found == standing::held);
    }
}

TEST_CASE("a store without a flaw keeps all promises beneath the same decorator", "[concurrent]") {
    PODSCOPE_CHECK_PROMISES(report_on<in_memory>(flaw::none));
    PODSCOPE_CHECK_PROMISES(report_on<in_journal>(flaw::none));
}

TEST_CASE("a store that runs bodies again that only read keeps all promises", "[concurrent]") {
    PODSCOPE_CHECK_PROMISES(
        check_store([] { return in_memory{flaw::runs_reads_twice}; }, {.rounds = 1}));
}

TEST_CASE("F42 the kit waits no longer for a store to get anywhere than it has patience",
          "[concurrent]") {
    check_broken(check_store([] { return in_memory{flaw::reads_ahead}; },
                             {.patience = std::chrono::milliseconds{100}, .rounds = 1}),
                 "nothing is newer while the generation is the same");
}

TEST_CASE("what a store of one process does not claim is reported as that", "[concurrent]") {
    const auto report = check_store([] { return in_one_process{}; }, {.rounds = 1});
    CHECK(report.is_kept());
    for (const auto& one : report.promises) {
        CAPTURE(one.name);
        const bool is_claimed = std::ranges::none_of(
            std::array{"process", "crash", "generation", "delayed"},
            [&](const char* word) { return one.name.find(word) != one.name.npos; });
        CHECK((one.found == standing::held) == is_claimed);
        CHECK((one.found != standing::deviates || one.shown == "its reach is one process" ||
               one.shown == "it has no write_delayed(f)" || one.shown == "it has no generation()"));
    }
    const auto counting = check_store([] { return in_one_that_counts{}; }, {.rounds = 1});
    CHECK(counting.is_kept());
    for (const auto& one : counting.promises) {
        CAPTURE(one.name, one.shown);
        CHECK((one.found == standing::held || one.shown == "its reach is one process" ||
               one.shown == "its rows hang on no lease"));
    }
}

TEST_CASE("F42 each promise of the kit is broken by a store that the kit is tried with") {
    std::set<std::string> tried;
    for (const auto& one : of_rows) {
        tried.emplace(one.promise);
    }
    for (const auto& one : of_transactions) {
        tried.emplace(one.promise);
    }
    for (const auto& one : over_processes) {
        tried.emplace(one.promise);
    }
    for (const auto& one : on_leases) {
        tried.emplace(one.second);
    }
    for (const auto& one : on_overlap) {
        tried.emplace(one.second);
    }
    tried.emplace(handles_hold);
    for (const auto& one : report_on<in_memory>(flaw::none).promises) {
        CAPTURE(one.name);
        CHECK(tried.contains(one.name));
    }
}

TEST_CASE("a history that shows a flaw is made as short as it can be", "[concurrent]") {
    const auto report = report_on<in_memory>(flaw::loses_third_change);
    const auto found = std::ranges::find(report.promises, "a history leaves what a map would hold",
                                         &promise::name);
    REQUIRE(found->found == standing::broken);
    // One transaction of three changes, and what came of it.
    CAPTURE(found->shown);
    CHECK(std::ranges::count(found->shown, '\n') == 1);
}

TEST_CASE("what a store declares is reported with its reason and never tried", "[concurrent]") {
    const auto report = check_store([] { return of_declared{}; });
    CHECK_FALSE(report.is_kept());
    CHECK(report.names(standing::broken) == std::vector<std::string>{"tables are upside down"});
    const auto found = std::ranges::find(report.promises, "tables are apart", &promise::name);
    CHECK(found->found == standing::deviates);
    CHECK(found->shown == "there is one table");
    // What is not claimed is no secret either.
    const auto lasts = std::ranges::find(
        report.promises, "what was committed is there when the store is opened again",
        &promise::name);
    CHECK(lasts->found == standing::deviates);
    CHECK(lasts->shown == "its durability is none");
}
