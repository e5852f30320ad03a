// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/verify/conformance/report.hpp>
#include <podscope/verify/conformance/store_history.hpp>
#include <podscope/verify/conformance/store_leases.hpp>
#include <podscope/verify/conformance/store_overlap.hpp>
#include <podscope/verify/conformance/store_processes.hpp>
#include <podscope/verify/conformance/store_rows.hpp>
#include <podscope/verify/conformance/store_sharing.hpp>
#include <podscope/verify/conformance/store_tables.hpp>
#include <podscope/verify/conformance/store_transactions.hpp>
#include <podscope/verify/conformance/store_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace podscope::verify {

namespace conformance {

/// What the traits of a store claim.
struct store_claims {
    durability durable{};
    reach reaches{};
    bool has_generation{};
    bool delays{};
    bool leases{};
};

[[nodiscard]] inline conformance_report run_store_kit(const place_maker& make,
                                                      const store_claims& claims,
                                                      std::span<const deviation> declared,
                                                      const conformance_options& options) {
    kit_run kit{"store", declared, options};
    const auto by = checks_of(make);
    kit.promise("a row is there after it was put and not before", by(keeps_what_was_put));
    kit.promise("a put replaces the whole row", by(replaces_whole_rows));
    kit.promise("an erased row is gone and erasing what is not there is no error", by(erases));
    kit.promise("tables are apart", by(keeps_tables_apart));
    kit.promise("keys and texts are any bytes and may be long", by(takes_any_bytes));
    kit.promise("a scan goes in byte order from the first key that is not less",
                by(scans_in_order));
    kit.promise("a scan stops when it is told to and keeps to its prefix", by(scans_as_told));
    kit.promise("a scan goes on however many rows there are", by(scans_many));
    kit.promise("what was got stays as it is until that row is changed", by(keeps_what_was_got));
    kit.promise("a visitor may read and scan in turn", by(lets_visitors_read));
    kit.promise("a visitor that throws leaves the store usable", by(survives_visitors_that_throw));
    kit.promise("a transaction reads its own writes", by(reads_its_own_writes));
    kit.promise("a transaction that fails leaves nothing and gives its error",
                by(leaves_nothing_of_a_failure));
    kit.promise("a transaction that throws leaves nothing and the store usable",
                by(leaves_nothing_of_a_throw));
    kit.promise("what a body returns is returned", by(returns_what_bodies_return));
    kit.promise("a transaction that reads sees one state to its end", by(reads_one_state));
    kit.promise("a history leaves what a map would hold", by(is_as_a_map));
    kit.promise("handles see each other's commits", by(shows_commits_to_other_handles));
    kit.promise("threads that write at once lose nothing", by(lets_threads_write));
    kit.promise("a commit is seen whole or not at all", by(shows_commits_whole));
    kit.promise("of two that put what neither got one gets it", by(holds_a_get_to_its_end));
    kit.promise("of two that put what neither scanned one scans it", by(holds_a_scan_to_its_end));
    kit.promise("a body that is run again leaves nothing of its earlier runs",
                by(forgets_earlier_runs));

    constexpr std::string_view no_generation = "it has no generation()";
    kit.promise_if(claims.has_generation, no_generation,
                   "the generation moves with every commit before that is reported",
                   by(moves_its_generation));
    kit.promise_if(claims.has_generation, no_generation,
                   "nothing is newer while the generation is the same",
                   by(holds_its_generation_to_the_state));

    constexpr std::string_view no_delay = "it has no write_delayed(f)";
    kit.promise_if(claims.delays, no_delay, "a delayed commit is seen at once",
                   by(shows_delayed_commits));
    kit.promise_if(claims.delays, no_delay, "a delayed commit that fails leaves nothing",
                   by(leaves_nothing_of_a_delayed_failure));

    const bool lasts = claims.durable != durability::none;
    constexpr std::string_view gone = "its durability is none";
    kit.promise_if(lasts, gone, "what was committed is there when the store is opened again",
                   by(is_there_when_opened_again));

    const bool is_shared = claims.reaches != reach::thread;
    constexpr std::string_view alone = "its reach is one process";
    kit.promise_if(is_shared, alone, "processes that write at once lose nothing",
                   by(lets_processes_write));
    kit.promise_if(is_shared, alone, "processes see each other's commits",
                   by(shows_commits_to_other_processes));
    kit.promise_if(is_shared, alone, "of two processes that put what neither read one reads it",
                   by(lets_one_process_decide));
    kit.promise_if(is_shared && claims.has_generation, is_shared ? no_generation : alone,
                   "the generation moves in every process before a commit is reported",
                   by(moves_its_generation_everywhere));
    kit.promise_if(is_shared, alone,
                   "a process that is killed in a transaction leaves nothing of it",
                   by(goes_on_after_a_kill_in_a_transaction));
    kit.promise_if(lasts && is_shared, lasts ? alone : gone,
                   "what was acknowledged outlives the process that wrote it",
                   by(outlives_its_writer));
    kit.promise_if(claims.delays && lasts && is_shared,
                   !claims.delays ? no_delay : (lasts ? alone : gone),
                   "a crash takes delayed commits back from the last one on",
                   by(keeps_delayed_commits_in_order));

    const auto found = claims.leases ? hangs_rows_on_leases(make) : result<bool>{false};
    const bool leases = found.value_or(true);
    constexpr std::string_view no_lease = "its rows hang on no lease";
    const auto by_lease = [&](void (*check)(trial&, const place_maker&)) {
        return [&, check](trial& t) {
            t.must(result<bool>{found}, "seeing whether a row hangs on its lease");
            check(t, make);
        };
    };
    kit.promise_if(leases, no_lease, "a row hangs on what it was put on and on nothing after a put",
                   by_lease(hangs_rows_as_they_were_put));
    kit.promise_if(leases && is_shared, leases ? alone : no_lease,
                   "all that hangs on a dead process's lease goes at one moment and nothing else",
                   by_lease(ends_leases_with_their_holders));
    return std::move(kit).done();
}

} // namespace conformance

/// Puts a store through all that the core relies on.
///
///     struct place {
///         my_folder folder; // new, and gone with its place
///         auto open() { return my_backend::open(folder.path()); }
///     };
///     auto report = verify::check_store([] { return place{}; });
///
/// @param make gives a place with a store that is new: something whose `open()` gives a handle of
/// that store, or the result of one, as often as it is called, in forked processes too if the store
/// reaches so far. The store is a `byte_backend`, or a `typed_store` that holds at least the tables
/// of `store_kit_schema`. Where the place has `result<void> check()`, it is asked after kills
/// whether its store is sound.
///
/// Where rows can hang on a lease (`leases_rows`) and the handles have one, its term has to be well
/// below `conformance_options::patience`: a process is killed, and what it held has to go.
///
/// What a store's traits do not claim (a durability, a reach, a refinement) is in the report as a
/// deviation, and so is what it declares in `deviations`. A loss of power is not tried: power_cut
/// does that for what is written over a file_layer.
///
/// Takes some seconds, in threads and processes of its own. Where the store reaches other processes
/// it forks, so call it while no other thread runs. A store that never returns keeps it waiting for
/// ever.
template <class Make>
[[nodiscard]] conformance_report check_store(Make make, const conformance_options& options = {}) {
    using place = conformance::place_of<Make>;
    using store = typename place::store;
    static_assert(typed_store<store>,
                  "podscope: check_store takes what makes places whose open() gives a typed_store "
                  "or a byte_backend");
    static_assert(writes<typename store::writer, kit_table> &&
                      writes<typename store::writer, other_kit_table>,
                  "podscope: the store must hold the tables of verify::store_kit_schema");
    return conformance::run_store_kit(
        [&] { return std::make_unique<place>(make); },
        {.durable = store::durable,
         .reaches = store::reaches,
         .has_generation = has_generation<store>,
         .delays = delays_durability<store>,
         .leases = leases_rows<typename store::writer, other_kit_table, kit_table>},
        deviations_of<typename place::plug_in>(), options);
}

} // namespace podscope::verify
