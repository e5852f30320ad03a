// SPDX-License-Identifier: BSL-1.0
// Whether what several processes do at once on one store can be told as one thing after the other,
// some of them being killed or stopped in the middle: transactions against a model of a few rows,
// and operations of a runtime against the reference model. And whether the checker would say so if
// not: it is shown histories, and stores, that are broken on purpose.
#include "regimes/arguments.hpp"
#include "regimes/etcd_members.hpp"
#include "regimes/linearisability.hpp"
#include "regimes/recorder.hpp"
#include "regimes/registry_histories.hpp"
#include "regimes/store_histories.hpp"
#include "regimes/stores.hpp"
#include "regimes/yielding.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/json_writer.hpp>
#include <podscope/pod/schema.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace regimes;

constexpr std::uint64_t most_steps = 2'000'000;

struct tally {
    std::uint64_t histories{};
    std::uint64_t operations{};
    std::uint64_t overlapping{}; ///< operations that overlap another one
    std::uint64_t cut_short{};
    std::uint64_t killed{};
    std::uint64_t stopped{};
    std::uint64_t struck{};  ///< a member of the store's cluster was, in the middle
    std::uint64_t refused{}; ///< operations, since it was
    std::uint64_t linearisable{};
    std::uint64_t not_linearisable{};
    std::uint64_t undecided{};
    std::uint64_t most_steps{};

    [[nodiscard]] bool is_clean() const { return linearisable == histories; }

    [[nodiscard]] std::string json() const {
        std::string text;
        podscope::json_object_writer{text}
            .number("histories", histories)
            .number("operations", operations)
            .number("overlapping", overlapping)
            .number("cut_short", cut_short)
            .number("killed", killed)
            .number("stopped", stopped)
            .number("struck", struck)
            .number("refused", refused)
            .number("linearisable", linearisable)
            .number("not_linearisable", not_linearisable)
            .number("undecided", undecided)
            .number("most_steps", most_steps)
            .close();
        return text;
    }
};

template <sequential_model M>
void judge(const M& model,
           const typename M::state& first,
           const history<typename M::operation>& made,
           bool is_sound,
           tally& all) {
    for (const auto& one : made.operations) {
        all.overlapping += std::ranges::any_of(made.operations,
                                               [&](const auto& other) {
                                                   return &one != &other &&
                                                          other.when.begun < one.when.answered &&
                                                          one.when.begun < other.when.answered;
                                               })
                               ? 1U
                               : 0U;
        all.cut_short += one.when.is_complete() ? 0U : 1U;
    }
    ++all.histories;
    all.operations += made.operations.size();
    linearisability search{model, made.operations, most_steps};
    const auto found = search.judge(first);
    if (is_sound && found != finding::linearisable) {
        std::fputs(found == finding::undecided ? "undecided:\n" : "not linearisable:\n", stderr);
        for (const auto& one : made.operations) {
            std::fprintf(stderr, "  %s\n", to_text(one).c_str());
        }
    }
    switch (found) {
    case finding::linearisable: ++all.linearisable; break;
    case finding::not_linearisable: ++all.not_linearisable; break;
    case finding::undecided: ++all.undecided; break;
    }
    all.most_steps = std::max(all.most_steps, search.steps());
}

/// What is to happen in the middle of a history.
struct plan {
    disturbance how{};
    blow_to_all strike{};

    template <class Operation>
    [[nodiscard]] bool has_happened(const history<Operation>& made) const {
        return (how == disturbance::none || made.was_disturbed) && (!strike || made.was_struck);
    }

    template <class Operation>
    void count(const history<Operation>& made, tally& all) const {
        all.killed += made.was_disturbed && how == disturbance::kill ? 1U : 0U;
        all.stopped += made.was_disturbed && how == disturbance::stop ? 1U : 0U;
        all.struck += made.was_struck ? 1U : 0U;
        all.refused += made.refused;
    }
};

/// Makes histories and judges them, half of them disturbed and, if it is a server that they are
/// made on, a third struck. What was to happen to one and came too late has it made again: the half
/// is a half of what was hit in the middle.
template <class Store, class Record, class Judge>
void make_histories(std::uint64_t count, Record record, Judge judge_one) {
    for (std::uint64_t i = 0; i != count; ++i) {
        plan planned{.how = i % 4 == 1   ? disturbance::kill
                            : i % 4 == 3 ? disturbance::stop
                                         : disturbance::none};
        if constexpr (served_store<Store>) {
            if (i % 3 == 2) {
                planned.strike = Store::strike;
            }
        }
        for (bool is_done = false; !is_done;) {
            if constexpr (served_store<Store>) {
                if (planned.strike) {
                    Store::recover();
                }
            }
            const podscope_test::temporary_folder folder;
            const auto made = record(folder / "store", planned);
            judge_one(made, planned);
            is_done = planned.has_happened(made);
        }
    }
}

template <class Store, template <class> class Transactions>
[[nodiscard]] auto
store_history(const std::string& folder, const plan& planned, std::mt19937_64& random) {
    return record_store_history<Transactions>(
        [&] { return yielding{Store::template open<backend_test::test_schema>(folder)}; },
        planned.how, planned.strike, random);
}

template <class Store>
[[nodiscard]] tally store_histories(std::uint64_t count, std::mt19937_64& random) {
    tally all;
    const store_model model;
    make_histories<Store>(
        count,
        [&](const std::string& folder, const plan& planned) {
            return store_history<Store, transactions>(folder, planned, random);
        },
        [&](const auto& made, const plan& planned) {
            planned.count(made, all);
            judge(model, {}, made, true, all);
        });
    return all;
}

/// Of transactions that are broken on purpose: until one history is seen not to be linearisable.
template <class Store, template <class> class Transactions>
[[nodiscard]] tally broken_histories(std::mt19937_64& random) {
    constexpr std::uint64_t most = 200;
    tally all;
    const store_model model;
    while (all.not_linearisable == 0 && all.histories != most) {
        const podscope_test::temporary_folder folder;
        judge(model, {}, store_history<Store, Transactions>(folder / "store", {}, random), false,
              all);
    }
    return all;
}

template <class Store>
[[nodiscard]] tally registry_histories(std::uint64_t count, std::mt19937_64& random) {
    tally all;
    const registry_model model;
    make_histories<Store>(
        count,
        [&](const std::string& folder, const plan& planned) {
            return record_registry_history(
                [&] { return yielding{Store::template open<podscope::pod_schema>(folder)}; },
                planned.how, planned.strike, random);
        },
        [&](const auto& made, const plan& planned) {
            planned.count(made, all);
            judge(model, model.first(), made, true, all);
        });
    return all;
}

/// Histories that say what they are, and whether the checker sees it.
class examples {
public:
    [[nodiscard]] std::uint64_t misjudged() const {
        using kind = store_operation::kind;
        const auto op = [](std::uint64_t begun, std::uint64_t answered, kind what) {
            return store_operation{.when = {begun, answered}, .what = what, .value = 1};
        };
        const auto get = [&](std::uint64_t begun, std::uint64_t answered,
                             std::optional<std::int64_t> seen) {
            auto one = op(begun, answered, kind::get);
            one.seen[0] = seen;
            return one;
        };
        const auto add = [&](std::uint64_t begun, std::uint64_t answered, std::int64_t left) {
            auto one = op(begun, answered, kind::add);
            one.seen[0] = left;
            return one;
        };
        const auto both = [&](std::uint64_t begun, std::uint64_t answered) {
            auto one = op(begun, answered, kind::put_both);
            one.other = 3;
            return one;
        };
        const auto all = [&](std::uint64_t begun, std::uint64_t answered, row_values seen) {
            auto one = op(begun, answered, kind::get_all);
            one.seen = seen;
            return one;
        };
        const auto put = [&](std::uint64_t begun, std::uint64_t answered) {
            return op(begun, answered, kind::put);
        };
        const auto never = interval::never;
        const row_values half{1, {}, {}, {}};
        const row_values whole{1, {}, {}, 1};
        using list = std::vector<store_operation>;
        std::uint64_t wrong = 0;
        const auto expect = [&](finding wanted, list made) {
            const store_model model;
            wrong += linearisability{model, std::move(made), most_steps}.judge({}) != wanted;
        };
        const auto good = finding::linearisable;
        const auto bad = finding::not_linearisable;
        // Reads of a write that they overlap, and one that comes after it.
        expect(good, {put(1, 6), get(2, 3, {}), get(4, 5, 1)});
        expect(bad, {put(1, 6), get(2, 3, 1), get(4, 5, {})});
        expect(bad, {put(1, 2), get(3, 4, {})});
        // Lost updates.
        expect(good, {add(1, 3, 2), add(2, 4, 1)});
        expect(bad, {add(1, 3, 1), add(2, 4, 1)});
        expect(bad, {add(1, 3, 1), add(2, 4, 2), get(5, 6, 1)});
        // Torn transactions.
        expect(good, {both(1, 4), all(2, 3, whole)});
        expect(good, {both(1, 4), all(2, 3, {})});
        expect(bad, {both(1, 4), all(2, 3, half)});
        expect(bad, {both(1, 2), all(3, 4, half)});
        // What was cut short has happened or has not, once for all, and not before it began.
        expect(good, {put(1, never), get(2, 3, {}), get(4, 5, 1)});
        expect(good, {put(1, never), get(2, 3, {})});
        expect(bad, {put(1, never), get(2, 3, 1), get(4, 5, {})});
        expect(bad, {get(1, 2, 1), put(3, never)});
        expect(bad, {both(1, never), all(2, 3, half)});
        expect(bad, {add(1, never, 0), get(2, 3, 2)});
        wrong += misjudged_of_registry();
        const store_model model;
        wrong +=
            linearisability{model, {put(1, 2), get(3, 4, {})}, 0}.judge({}) != finding::undecided;
        return wrong;
    }

private:
    [[nodiscard]] static std::uint64_t misjudged_of_registry() {
        using kind = registry_operation::kind;
        const registry_model model;
        std::uint64_t wrong = 0;
        const auto expect = [&](finding wanted, std::vector<registry_operation> made) {
            wrong +=
                linearisability{model, std::move(made), most_steps}.judge(model.first()) != wanted;
        };
        const auto create = [](std::uint64_t begun, std::uint64_t answered, std::size_t pod,
                               std::optional<podscope::errc> refused, std::uint64_t granted) {
            return registry_operation{.when = {begun, answered},
                                      .what = kind::create,
                                      .pod = pod,
                                      .refused = refused,
                                      .granted = granted};
        };
        const auto conflict = podscope::errc::conflict;
        // Two writers of one place; one epoch for two; a refusal for no reason.
        expect(finding::linearisable, {create(1, 3, 0, {}, 1), create(2, 4, 1, conflict, 0)});
        expect(finding::not_linearisable, {create(1, 3, 0, {}, 1), create(2, 4, 1, {}, 2)});
        expect(finding::not_linearisable, {create(1, 2, 0, conflict, 0), create(3, 4, 1, {}, 1)});
        // A holder that is let through after its pod was reclaimed.
        const registry_operation delegate{
            .when = {3, 4}, .what = kind::delegate, .shown = 1, .child = 1, .granted = 2};
        const registry_operation adopt{
            .when = {5, 6}, .what = kind::adopt, .pod = 1, .shown = 2, .granted = 2};
        const auto reclaim = [](std::uint64_t begun, std::uint64_t answered) {
            return registry_operation{
                .when = {begun, answered}, .what = kind::reclaim, .shown = 1, .child = 1};
        };
        const registry_operation check{.when = {9, 10}, .what = kind::check, .pod = 1, .shown = 2};
        const std::vector<registry_operation> before{create(1, 2, 0, {}, 1), delegate, adopt};
        const auto with = [&](std::vector<registry_operation> more) {
            more.insert(more.begin(), before.begin(), before.end());
            return more;
        };
        expect(finding::linearisable, with({check}));
        expect(finding::linearisable, with({reclaim(7, 11), check}));
        expect(finding::not_linearisable, with({reclaim(7, 8), check}));
        // Two that restore one pod, and one that restores a live one.
        const auto restore = [](std::uint64_t begun, std::uint64_t answered,
                                std::optional<podscope::errc> refused, std::uint64_t granted) {
            return registry_operation{.when = {begun, answered},
                                      .what = kind::restore,
                                      .refused = refused,
                                      .granted = granted};
        };
        const auto lapse = [](std::uint64_t begun, std::uint64_t answered, std::size_t pod) {
            return registry_operation{.when = {begun, answered}, .what = kind::lapse, .pod = pod};
        };
        const auto live = podscope::errc::already_live;
        const auto first = create(1, 2, 0, {}, 1);
        expect(finding::linearisable,
               {first, lapse(3, 4, 0), restore(5, 7, {}, 2), restore(6, 8, live, 0)});
        expect(finding::not_linearisable,
               {first, lapse(3, 4, 0), restore(5, 7, {}, 2), restore(6, 8, {}, 3)});
        expect(finding::not_linearisable, {first, restore(3, 4, {}, 2)});
        // A place that comes back by a reconcile, and by nothing less.
        const registry_operation reconcile{.when = {9, 10}, .what = kind::reconcile, .shown = 1};
        const registry_operation may{.when = {11, 12}, .what = kind::check, .shown = 1};
        auto may_not = may;
        may_not.refused = podscope::errc::denied;
        expect(finding::linearisable, with({lapse(7, 8, 1), reconcile, may}));
        expect(finding::not_linearisable, with({lapse(7, 8, 1), reconcile, may_not}));
        expect(finding::not_linearisable, with({lapse(7, 8, 1), may}));
        return wrong;
    }
};

} // namespace

int main(int argc, char** argv) {
    const auto told = read_arguments(argc, argv, "histories");
    std::mt19937_64 random{told.seed};
    std::string figures;
    podscope::json_object_writer line{figures};
    line.text("regime", "linear");
    bool kept_all = true;
    try {
        const auto misjudged = examples{}.misjudged();
        line.number("examples_misjudged", misjudged);
        kept_all = misjudged == 0;
        kept_all = over_stores<etcd_members>(
                       told.store,
                       [&]<class Store>() {
                           const auto count =
                               told.amount.value_or(told.is_long ? 1'000 : Store::few_histories);
                           const auto by_store = store_histories<Store>(count, random);
                           const auto by_registry = registry_histories<Store>(count, random);
                           const auto torn = broken_histories<Store, torn_transactions>(random);
                           const auto stale = broken_histories<Store, stale_transactions>(random);
                           std::string own;
                           podscope::json_object_writer{own}
                               .raw("transactions", by_store.json())
                               .raw("operations", by_registry.json())
                               .raw("torn_on_purpose", torn.json())
                               .raw("stale_on_purpose", stale.json())
                               .close();
                           line.raw(Store::name, own);
                           return by_store.is_clean() && by_registry.is_clean() &&
                                  torn.not_linearisable != 0 && stale.not_linearisable != 0;
                       }) &&
                   kept_all;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "linear gave up: %s\n", e.what());
        kept_all = false;
    }
    line.number("seed", told.seed).text("lost", kept_all ? "nothing" : "something").close();
    std::printf("%s\n", figures.c_str());
    return kept_all ? 0 : 1;
}
