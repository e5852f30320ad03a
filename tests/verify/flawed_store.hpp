// SPDX-License-Identifier: BSL-1.0
// A store that breaks one promise, over a store that keeps all of them.
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_tables.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace verify_test {

using podscope::fail;
using podscope::result;
using podscope::verify::kit_row;
using podscope::verify::kit_table;

enum class flaw {
    none,
    loses_puts,
    merges_rows,
    erase_needs_row,
    mixes_tables,
    cuts_keys_at_nul,
    cuts_long_keys,
    scans_backwards,
    scan_leaves_out_first,
    scans_one_page,
    ignores_stop,
    refuses_nested_reads,
    gets_nothing_in_scans,
    dies_of_visitors,
    scans_committed_only,
    gets_committed_only,
    commits_failures,
    commits_throws,
    hides_failures,
    renames_errors,
    rewords_errors,
    drops_subjects,
    forgets_words,
    reads_what_is_newest,
    loses_third_change,
    caches_reads,
    loses_updates,
    misses_erase_in_generation,
    counts_for_itself,
    moves_generation_late,
    drops_delayed,
    commits_delayed_failures,
    commits_each_put,
    tears_transactions,
    acknowledges_early,
    reorders_delayed,
    forgets_on_close,
    writes_at_the_end,
    throws_in_threads,
    reads_ahead,
    runs_reads_twice, ///< which is none
};

template <class Store>
class flawed_store;

// What the handles of one store share.
struct flawed_past {
    std::atomic<std::uint64_t> erased{0};
    std::atomic<bool> is_broken{false};
    const std::thread::id made_by = std::this_thread::get_id();
};

// One run of one body.
template <class Writer>
struct body_run {
    std::vector<std::function<result<void>(Writer&)>> steps{};
    std::map<std::string, kit_row> before{};
    bool is_scanning{};
};

template <class Store, class Txn, bool Writes>
class flawed_transaction {
public:
    using run = body_run<typename Store::writer>;

    // Without a transaction beneath, each call has one of its own.
    flawed_transaction(flawed_store<Store>& of, Txn* txn, run& here)
        : of_{&of},
          txn_{txn},
          run_{&here} {}

    template <class T>
    result<std::optional<kit_row>> get(std::string_view key) {
        if constexpr (!std::is_same_v<T, kit_table>) {
            if (of_->is == flaw::mixes_tables) {
                return get<kit_table>(key);
            }
        }
        const std::string at = cut(key);
        if (of_->is == flaw::refuses_nested_reads && run_->is_scanning) {
            return fail({.category = podscope::errc::unavailable, .message = "busy"});
        }
        if (of_->is == flaw::gets_nothing_in_scans && run_->is_scanning) {
            return std::nullopt;
        }
        if (Writes && of_->is == flaw::gets_committed_only) {
            const auto found = run_->before.find(at);
            return found == run_->before.end() ? std::nullopt : std::optional{found->second};
        }
        const bool caches = !Writes && of_->is == flaw::caches_reads;
        if (const auto known = of_->cached.find(at); caches && known != of_->cached.end()) {
            return known->second;
        }
        auto found = with([&](auto& txn) -> result<std::optional<kit_row>> {
            auto row = txn.template get<T>(at);
            if (!row) {
                return fail(row);
            }
            return *row ? std::optional<kit_row>{**row} : std::nullopt;
        });
        if (caches && found && *found) {
            of_->cached[at] = **found;
        }
        if (!Writes && of_->is == flaw::reads_ahead && found) {
            *found = kit_row{.number = 1'000'000'000};
        }
        return found;
    }

    template <class T, class Visitor>
    result<void> scan(std::string_view from, Visitor&& visit) {
        if constexpr (!std::is_same_v<T, kit_table>) {
            if (of_->is == flaw::mixes_tables) {
                return scan<kit_table>(from, visit);
            }
        }
        if (Writes && of_->is == flaw::scans_committed_only) {
            return visit_all(run_->before, from, visit);
        }
        std::vector<std::pair<std::string, kit_row>> all;
        auto done = with([&](auto& txn) {
            all.clear();
            return txn.template scan<T>(from, [&](std::string_view key, const kit_row& row) {
                all.emplace_back(key, row);
                return podscope::scan::next;
            });
        });
        if (of_->is == flaw::scans_backwards) {
            all = {all.rbegin(), all.rend()};
        }
        if (of_->is == flaw::scan_leaves_out_first) {
            std::erase_if(all, [&](const auto& row) { return row.first == from; });
        }
        if (constexpr std::size_t page = 1'000;
            of_->is == flaw::scans_one_page && all.size() > page) {
            all.resize(page);
        }
        const bool was_scanning = std::exchange(run_->is_scanning, true);
        try {
            (void)visit_all(all, from, visit);
        } catch (...) {
            of_->past->is_broken = of_->is == flaw::dies_of_visitors;
            throw;
        }
        run_->is_scanning = was_scanning;
        return done;
    }

    template <class T>
    result<void> put(std::string_view key, const kit_row& value) {
        if constexpr (!std::is_same_v<T, kit_table>) {
            if (of_->is == flaw::mixes_tables) {
                return put<kit_table>(key, value);
            }
        }
        if (of_->is == flaw::loses_puts) {
            return {};
        }
        kit_row row = value;
        if (auto old = get<T>(key); of_->is == flaw::merges_rows && old && *old) {
            row.text += (**old).text;
        }
        return change([at = cut(key), row](auto& txn) { return txn.template put<T>(at, row); });
    }

    template <class T>
    result<void> erase(std::string_view key) {
        if constexpr (!std::is_same_v<T, kit_table>) {
            if (of_->is == flaw::mixes_tables) {
                return erase<kit_table>(key);
            }
        }
        if (auto old = get<T>(key); of_->is == flaw::erase_needs_row && old && !*old) {
            return fail({.category = podscope::errc::io, .message = "no such row"});
        }
        ++of_->past->erased;
        return change([at = cut(key)](auto& txn) { return txn.template erase<T>(at); });
    }

private:
    template <class F>
    auto with(F&& f) {
        if (txn_ != nullptr) {
            return f(*txn_);
        }
        if constexpr (Writes) {
            return of_->beneath.write(f);
        } else {
            return of_->beneath.read(f);
        }
    }

    template <class F>
    result<void> change(F made) {
        run_->steps.push_back(made);
        const bool is_left_out = (of_->is == flaw::loses_third_change && run_->steps.size() == 3) ||
                                 of_->is == flaw::writes_at_the_end;
        return is_left_out ? result<void>{} : with(made);
    }

    template <class Rows, class Visitor>
    result<void> visit_all(const Rows& rows, std::string_view from, Visitor& visit) {
        for (const auto& [key, row] : rows) {
            if (key >= from && visit(std::string_view{key}, row) == podscope::scan::stop &&
                of_->is != flaw::ignores_stop) {
                break;
            }
        }
        return {};
    }

    [[nodiscard]] std::string cut(std::string_view key) const {
        if (of_->is == flaw::cuts_keys_at_nul) {
            return std::string{key.substr(0, key.find('\0'))};
        }
        return std::string{of_->is == flaw::cuts_long_keys ? key.substr(0, 500) : key};
    }

    flawed_store<Store>* of_;
    Txn* txn_;
    run* run_;
};

template <class Store>
class flawed_store {
public:
    static constexpr podscope::durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;

    using beneath_reader = typename Store::reader;
    using beneath_writer = typename Store::writer;
    using reader = flawed_transaction<Store, beneath_reader, false>;
    using writer = flawed_transaction<Store, beneath_writer, true>;
    using run = body_run<beneath_writer>;

    flawed_store(flaw which, Store store, std::shared_ptr<flawed_past> shared)
        : is{which},
          beneath{std::move(store)},
          past{std::move(shared)} {}

    flawed_store(flawed_store&&) = default;

    ~flawed_store() {
        if (past) {
            apply(late);
            if (is == flaw::forgets_on_close) {
                (void)beneath.write([](auto& txn) { return txn.template erase<kit_table>("k"); });
            }
        }
    }

    template <class F>
    std::invoke_result_t<F&, reader&> read(F&& body) {
        using outcome = std::invoke_result_t<F&, reader&>;
        if (past->is_broken) {
            return fail({.category = podscope::errc::unavailable, .message = "broken"});
        }
        if constexpr (std::is_same_v<outcome, result<std::string>>) {
            if (is == flaw::forgets_words) {
                return std::string{};
            }
        }
        const auto alone = lock();
        if (is == flaw::acknowledges_early) {
            apply(std::exchange(late, {}));
        }
        run here;
        if (is == flaw::reads_what_is_newest) {
            reader flawed{*this, nullptr, here};
            return body(flawed);
        }
        const auto whole = [&](beneath_reader& txn) {
            reader flawed{*this, &txn, here};
            return body(flawed);
        };
        auto done = beneath.read(whole);
        if (is == flaw::runs_reads_twice) {
            let_others_in(done.has_value());
            done = beneath.read(whole);
        }
        if (!done && is == flaw::renames_errors) {
            return fail({.category = podscope::errc::io, .message = "it failed"});
        }
        return done;
    }

    template <class F>
    std::invoke_result_t<F&, writer&> write(F&& body) {
        using outcome = std::invoke_result_t<F&, writer&>;
        if (past->is_broken) {
            return fail({.category = podscope::errc::unavailable, .message = "broken"});
        }
        const auto alone = lock();
        run here;
        if (is == flaw::gets_committed_only || is == flaw::scans_committed_only) {
            take_committed(here);
        }
        if (is == flaw::throws_in_threads && std::this_thread::get_id() != past->made_by) {
            throw std::runtime_error{"another thread"};
        }
        if (is == flaw::commits_each_put || is == flaw::writes_at_the_end) {
            writer flawed{*this, nullptr, here};
            auto done = body(flawed);
            if (done && is == flaw::writes_at_the_end) {
                apply(here.steps);
            }
            return done;
        }
        outcome made = fail({});
        if (is == flaw::loses_updates || is == flaw::tears_transactions ||
            is == flaw::acknowledges_early) {
            made = try_out(body, here);
            if (made && is == flaw::acknowledges_early) {
                late.insert(late.end(), here.steps.begin(), here.steps.end());
                apply(++acknowledged % 8 == 0 ? std::exchange(late, {}) : steps{});
            } else if (made && is == flaw::tears_transactions) {
                for (const auto& one : here.steps) {
                    apply({one});
                    std::this_thread::sleep_for(std::chrono::microseconds{200});
                }
            } else if (made) {
                // Long enough for others to come between.
                std::this_thread::sleep_for(std::chrono::microseconds{200});
                apply(here.steps);
            }
            return made;
        }
        std::exception_ptr thrown;
        const auto done = beneath.write([&](beneath_writer& txn) -> result<void> {
            here.steps.clear();
            writer flawed{*this, &txn, here};
            try {
                made = body(flawed);
            } catch (...) {
                thrown = std::current_exception();
                return is == flaw::commits_throws ? result<void>{} : fail({});
            }
            return made || is == flaw::commits_failures ? result<void>{} : fail({});
        });
        changed += here.steps.size();
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        if (!made) {
            return changed_failure(std::move(made));
        }
        return done ? made : outcome{fail({.category = podscope::errc::io})};
    }

    template <class F>
    std::invoke_result_t<F&, writer&> write_delayed(F&& body) {
        if (is == flaw::drops_delayed || is == flaw::reorders_delayed) {
            run here;
            auto made = try_out(body, here);
            if (is == flaw::reorders_delayed) {
                // The second of two is written, and the first stays in memory.
                (++acknowledged % 2 == 0) ? apply(here.steps) : void(late = here.steps);
            }
            return made;
        }
        if (is == flaw::commits_delayed_failures) {
            is = flaw::commits_failures;
            auto done = write(body);
            is = flaw::commits_delayed_failures;
            return done;
        }
        return write(body);
    }

    std::uint64_t generation() const noexcept {
        if (is == flaw::counts_for_itself) {
            return changed;
        }
        const auto now = beneath.generation();
        if (is == flaw::moves_generation_late) {
            return seen.exchange(now);
        }
        return now - (is == flaw::misses_erase_in_generation ? past->erased.load() : 0);
    }

    flaw is;
    Store beneath;
    std::shared_ptr<flawed_past> past;
    std::map<std::string, kit_row> cached{};

private:
    using steps = decltype(run::steps);

    template <class Outcome>
    Outcome changed_failure(Outcome failed) {
        if constexpr (std::is_same_v<Outcome, result<void>>) {
            if (is == flaw::hides_failures) {
                return {};
            }
        }
        failed.error().message += is == flaw::rewords_errors ? "!" : "";
        if (is == flaw::drops_subjects) {
            failed.error().subject.clear();
        }
        return failed;
    }

    // Who waits to write while somebody reads does so then, if anybody does.
    void let_others_in(bool is_right) {
        const auto before = beneath.generation();
        for (int i = 0; i != 20 && is_right && beneath.generation() == before; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    }

    // Where a handle keeps something of its own.
    std::unique_lock<std::mutex> lock() {
        return is == flaw::caches_reads || is == flaw::acknowledges_early ||
                       is == flaw::reorders_delayed
                   ? std::unique_lock{*alone_}
                   : std::unique_lock<std::mutex>{};
    }

    // Runs a body in a transaction that is given up.
    template <class F>
    auto try_out(F& body, run& here) {
        std::invoke_result_t<F&, writer&> made = fail({});
        (void)beneath.write([&](beneath_writer& txn) -> result<void> {
            here.steps.clear();
            writer flawed{*this, &txn, here};
            made = body(flawed);
            return fail({});
        });
        return made;
    }

    void apply(const steps& all) {
        if (all.empty()) {
            return;
        }
        (void)beneath.write([&](beneath_writer& txn) -> result<void> {
            for (const auto& one : all) {
                if (auto done = one(txn); !done) {
                    return done;
                }
            }
            return {};
        });
    }

    void take_committed(run& here) {
        (void)beneath.read([&](auto& txn) {
            return txn.template scan<kit_table>({}, [&](std::string_view key, const kit_row& row) {
                here.before[std::string{key}] = row;
                return podscope::scan::next;
            });
        });
    }

    steps late{};
    int acknowledged = 0;
    // Behind pointers, so that a handle can be moved.
    std::unique_ptr<std::mutex> alone_ = std::make_unique<std::mutex>();
    std::shared_ptr<std::atomic<std::uint64_t>> counted_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
    std::atomic<std::uint64_t>& changed = *counted_;
    std::shared_ptr<std::atomic<std::uint64_t>> last_seen_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
    std::atomic<std::uint64_t>& seen = *last_seen_;
};

} // namespace verify_test
