// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/guessed_reads.hpp>
#include <podscope/backend/split_options.hpp>
#include <podscope/backend/split_records.hpp>
#include <podscope/backend/split_settlement.hpp>
#include <podscope/backend/split_transaction.hpp>
#include <podscope/backend/split_undo.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace podscope {

/// Two stores over different tables as one: what is written to both in a transaction takes effect
/// in both or in neither, whoever dies at whatever moment.
///
/// `SecondTables` is the schema of the tables that the second store has; the first has all others.
/// The two hold besides what `split_first_schema` and `split_second_schema` add. They must be two
/// stores: a transaction of the second runs within one of the first, always in that order.
///
/// A write
///  1. begins a transaction of the first store, and in it one of the second;
///  2. sees that the number of the last change that the first says was `committed` is that of the
///     `change` that the second says it is the result of. If not, it leaves, settles (below), and
///     begins again;
///  3. runs the body, whose changes go into the two transactions as they are;
///  4. if the body changed the second store, gives the change a new number and notes in the second
///     store, under that number, the rows as they were before: the intent. The second store
///     commits;
///  5. puts that number into the first store as `committed`, and commits there: the decision.
/// The intent is cleared away by a later change that is made after the decision is known.
///
/// A body that fails leaves nothing, since neither store commits. A write that changed only the
/// first store costs one commit, one that changed the second costs two: a change of the second
/// alone takes the same way, so that reads of both stay in step. One that changed nothing costs
/// none. A crash between 4 and 5, or an exception, leaves an unfinished change in the second store,
/// which the next comer takes back:
///
/// Settling: within a transaction of the first store the next comer sees that the numbers differ,
/// and that the second store's intents lead back from its change to the one that was committed. No
/// such change may be decided any more. Where the first store's writes run in turn that is so by
/// itself, its maker's turn being over; where they do not, he moves `fences`, which the maker has
/// read, so that either he or the maker meets a conflict; after leaving the maker some time, since
/// he may well live. Only when that transaction has committed are the changes taken back, in one of
/// the second store that first looks whether they are still there: so it does no harm to settle
/// twice. Nothing is ever done to the second store for good because of what a transaction of the
/// first has read that may yet fail: where several commit at once, a body sees changes of others
/// that a crash can still undo. This is why intents stay until their decision is known, and why
/// more than one may have to be taken back.
///
/// A read takes the same look at both numbers, and runs the body if they agree: the state of the
/// second store is then the one that belongs to the first's, since every change of the second has a
/// decision in the first. If they do not, because somebody is between 4 and 5 or was so when he
/// died, it reads again within a transaction of the first store that could write, where nobody is,
/// and settles if need be.
///
/// A body may be run again, by the stores' leave. One that the first store has run on a guess
/// (`guesses_reads`) leaves the second as it was. Else each run takes back in its own transactions
/// what an earlier run of the same call has left in the second store, committed, or in the first,
/// not committed. For the latter each row of the first store is copied before it is changed, unless
/// the second store's writes run in turn.
///
/// The first store may be one that a death wipes out, as a registry in memory: the state that the
/// second store is in when a new first one meets it counts as committed. They give themselves a
/// number in common then, by which an older first store finds out that it was replaced, and fails
/// with `unavailable` from then on. Likewise, where one of them promises less than the other
/// (`durable`) and lost changes that the other kept, both go on as they are found; if both promise
/// to survive a loss of power, that is `corrupt`.
///
/// It has the lesser durability of the two, and the nearer reach. A read costs that of one row in
/// each besides its own.
///
/// Errors: what the body returns; those of the stores; `unavailable` and `corrupt` as above;
/// `timeout` if others change both stores without a pause. If the first store's commit fails, it
/// is found out whether the decision stands after all: then the write has succeeded. Otherwise it
/// has not, with the reservation that the first store itself makes for that error.
///
/// Copies are handles of the same stores.
template <typed_store First, typed_store Second, class SecondTables>
class basic_split {
public:
    static constexpr durability durable = std::min(First::durable, Second::durable);
    static constexpr podscope::reach reaches = std::min(First::reaches, Second::reaches);

    using reader = split_reader<First, Second, SecondTables>;
    using writer = split_writer<First, Second, SecondTables>;

    basic_split(First first, Second second, const split_options& options = {})
        : first_{std::move(first)},
          second_{std::move(second)},
          options_{options} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) {
        std::optional<std::invoke_result_t<F&, reader&>> answer;
        const auto look = [&](auto& first) -> result<void> {
            answer.reset();
            auto said = backend_detail::only_row<tables::split_decisions>(first);
            if (!said) {
                return fail(said);
            }
            return second_.read([&](typename Second::reader& second) -> result<void> {
                answer.reset();
                auto now = backend_detail::only_row<tables::split_states>(second);
                if (!now) {
                    return fail(now);
                }
                if (backend_detail::agree(*said, *now)) {
                    reader txn = view(first, second);
                    answer.emplace(body(txn));
                }
                return {};
            });
        };
        for (auto settling = settlement();;) {
            auto done = first_.read([&](typename First::reader& first) { return look(first); });
            if (done && !answer) {
                done = first_.write([&](typename First::writer& first) { return look(first); });
            }
            if (!done) {
                return fail(done);
            }
            if (answer) {
                return *std::move(answer);
            }
            if (auto settled = settling.settle(); !settled) {
                return fail(settled);
            }
        }
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        using outcome = std::invoke_result_t<F&, writer&>;
        if (auto learnt = learn_what_is_committed(); !learnt) {
            return fail(learnt);
        }
        for (auto settling = settlement();;) {
            attempt<outcome> trying;
            auto done = first_.write([&](typename First::writer& first) -> result<void> {
                return run(first, body, trying);
            });
            if (done) {
                if (trying.change != 0) {
                    note_committed(trying.change);
                }
                return *std::move(trying.value);
            }
            if (trying.disagrees) {
                if (auto settled = settling.settle(); !settled) {
                    return fail(settled);
                }
                continue;
            }
            if (trying.change != 0) {
                if (trying.value && has_committed(trying.change)) {
                    note_committed(trying.change);
                    return *std::move(trying.value);
                }
                // If it cannot be taken back now, the next comer does it.
                static_cast<void>(settling.settle());
            }
            if (trying.value && !*trying.value) {
                return *std::move(trying.value);
            }
            return fail(done);
        }
    }

    /// Moves with every commit to either store by anybody. Two loads.
    ///
    /// The sum is enough. Each counter only grows, but for what one answers while a commit is under
    /// way (commit_page): that has the highest bit set, and grows by itself. So two sums are the
    /// same only if both counters are, whenever between two commits they were loaded; or by chance,
    /// if one was taken while commits to both were under way.
    [[nodiscard]] std::uint64_t generation() const noexcept
        requires has_generation<First> && has_generation<Second>
    {
        return first_.generation() + second_.generation();
    }

    /// Lets both stores go on from the states that they are in, as if those belonged together. For
    /// a person who knows why they do not (one was put back from a copy) and accepts it.
    [[nodiscard]] result<void> accept_as_they_are() { return settlement().pair_anew(); }

    [[nodiscard]] First& first() noexcept { return first_; }

    [[nodiscard]] Second& second() noexcept { return second_; }

private:
    // What is known of a write between the runs of its body, and after them.
    template <class Outcome>
    struct attempt {
        std::optional<Outcome> value{};
        bool disagrees{false};
        std::uint64_t change{0}; // that the second store has committed, and the first may not have
    };

    [[nodiscard]] static reader view(typename First::reader& first,
                                     typename Second::reader& second) noexcept {
        return {first, second};
    }

    [[nodiscard]] static reader view(typename First::writer& first,
                                     typename Second::reader& second) noexcept {
        return reader::within(first, second);
    }

    [[nodiscard]] auto settlement() {
        return backend_detail::split_settlement<First, Second, SecondTables>{first_, second_,
                                                                             options_};
    }

    template <class F, class Attempt>
    [[nodiscard]] result<void> run(typename First::writer& first, F& body, Attempt& trying) {
        auto said = backend_detail::only_row<tables::split_decisions>(first);
        if (!said) {
            return fail(said);
        }
        std::uint64_t change = 0;
        typename writer::first_changes changes;
        auto done = second_.write([&](typename Second::writer& second) -> result<void> {
            if (auto undone = changes.take_back(first); !undone) {
                return undone;
            }
            trying.value.reset();
            trying.disagrees = false;
            change = 0;
            auto now = backend_detail::only_row<tables::split_states>(second);
            if (!now) {
                return fail(now);
            }
            if (auto undone = take_back_earlier_run(second, *said, *now, trying.change); !undone) {
                return undone;
            }
            if (!backend_detail::have_met(*said) || !backend_detail::agree(*said, *now)) {
                trying.disagrees = true;
                return fail({.category = errc::unavailable,
                             .message = "an unfinished change is in the way"});
            }
            writer txn{first, second, writes_in_turn<Second> ? nullptr : &changes};
            trying.value.emplace(body(txn));
            if (has_guessed(first)) {
                return fail({.category = errc::unavailable,
                             .message = "this run was a guess, and does not count"});
            }
            if (!*trying.value) {
                return fail({.category = errc::unavailable, .message = "the body failed"});
            }
            return txn.replaced().empty() ? result<void>{} : note(second, *now, txn, change);
        });
        if (has_guessed(first)) {
            // Should there be no other one: nobody may hear what a guess has come to.
            trying.value.reset();
            trying.disagrees = false;
            return done;
        }
        if (!done) {
            return done;
        }
        trying.change = change;
        if (change == 0) {
            return {};
        }
        said->committed = change;
        return first.template put<tables::split_decisions>(backend_detail::only_key,
                                                           *std::move(said));
    }

    // The first store has run the body again, so it did not commit the run before.
    [[nodiscard]] static result<void> take_back_earlier_run(typename Second::writer& second,
                                                            const split_decision& said,
                                                            split_state& now,
                                                            std::uint64_t earlier) {
        if (earlier == 0 || now.change != earlier || said.pair != now.pair ||
            said.committed == earlier) {
            return {};
        }
        return backend_detail::take_back<SecondTables>(second, now, {earlier});
    }

    // Leaves in the second store what takes the change back, and clears away what will not be
    // needed any more.
    [[nodiscard]] result<void> note(typename Second::writer& second,
                                    split_state& now,
                                    writer& txn,
                                    std::uint64_t& change) const {
        const std::uint64_t committed = committed_->load(std::memory_order_relaxed);
        const auto first_needed = std::upper_bound(now.kept.begin(), now.kept.end(), committed);
        for (auto each = now.kept.begin(); each != first_needed; ++each) {
            const auto key = backend_detail::intent_key(*each);
            if (auto done = second.template erase<tables::split_intents>(key); !done) {
                return done;
            }
        }
        now.kept.erase(now.kept.begin(), first_needed);
        split_intent intent{.previous = now.change, .replaced = txn.replaced().take()};
        now.change = ++now.made;
        now.kept.push_back(now.change);
        change = now.change;
        auto done = second.template put<tables::split_intents>(backend_detail::intent_key(change),
                                                               std::move(intent));
        return done ? second.template put<tables::split_states>(backend_detail::only_key, now)
                    : std::move(done);
    }

    [[nodiscard]] result<split_decision> decision() {
        return first_.read([](typename First::reader& first) {
            return backend_detail::only_row<tables::split_decisions>(first);
        });
    }

    // Asked after a commit of the first store that was reported as failed.
    [[nodiscard]] bool has_committed(std::uint64_t change) {
        auto said = decision();
        return said && said->committed == change;
    }

    // Before a handle's first change: if it has only one to make, it clears away nevertheless.
    [[nodiscard]] result<void> learn_what_is_committed() {
        if (committed_->load(std::memory_order_relaxed) != 0) {
            return {};
        }
        auto said = decision();
        if (!said) {
            return fail(said);
        }
        note_committed(said->committed);
        return {};
    }

    // By a transaction that was reported as committed, so that no crash can take it back.
    void note_committed(std::uint64_t change) noexcept {
        auto known = committed_->load(std::memory_order_relaxed);
        while (known < change &&
               !committed_->compare_exchange_weak(known, change, std::memory_order_relaxed)) {}
    }

    First first_;
    Second second_;
    split_options options_;
    std::shared_ptr<std::atomic<std::uint64_t>> committed_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
};

} // namespace podscope
