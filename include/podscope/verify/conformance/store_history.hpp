// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A random history against a map, made as short as it can be where they differ.
namespace podscope::verify::conformance {

struct change {
    std::string key{};
    std::optional<std::int64_t> put{}; ///< nothing to erase
};

struct history_step {
    bool by_second{}; ///< which of two handles
    bool commits{true};
    std::vector<change> changes{};
};

using history = std::vector<history_step>;

[[nodiscard]] inline std::string to_text(const history_step& one) {
    std::string text = one.by_second ? "b:" : "a:";
    for (const auto& each : one.changes) {
        text += each.put ? " put " + in_quotes(each.key) + " = " + std::to_string(*each.put)
                         : " erase " + in_quotes(each.key);
    }
    return text + (one.commits ? "" : " and fail");
}

[[nodiscard]] inline history random_history(std::uint32_t seed, std::size_t length) {
    std::mt19937 random{seed};
    history made;
    for (std::size_t i = 0; i < length; ++i) {
        history_step one{random() % 2 == 0, random() % 4 != 0, {}};
        for (auto left = 1 + random() % 4; left != 0; --left) {
            std::string key(1 + random() % 2, static_cast<char>('a' + random() % 4));
            one.changes.push_back(
                {std::move(key),
                 random() % 3 == 0 ? std::nullopt : std::optional<std::int64_t>{random() % 100}});
        }
        made.push_back(std::move(one));
    }
    return made;
}

/// What is wrong after a history, on a new store; nothing if it holds what a map would.
[[nodiscard]] inline std::optional<std::string> wrong_after(const history& all, any_place& at) {
    const auto a = at.open();
    const auto b = a ? at.open() : fail(error{a.error()});
    if (!b) {
        return "it could not be opened: " + to_string(b.error());
    }
    std::map<std::string, std::int64_t> expected;
    for (const auto& one : all) {
        any_store& by = one.by_second ? **b : **a;
        bool is_failing = false;
        const auto done = by.write([&](any_transaction& txn) -> result<void> {
            for (const auto& each : one.changes) {
                auto changed = each.put ? txn.put(which_table::first, each.key, {*each.put, {}, {}})
                                        : txn.erase(which_table::first, each.key);
                if (!changed) {
                    return changed;
                }
            }
            is_failing = !one.commits;
            return is_failing ? fail({.category = errc::conflict}) : result<void>{};
        });
        if (!done && !is_failing) {
            return "the last one failed: " + to_string(done.error());
        }
        if (done && is_failing) {
            return "the last one succeeded";
        }
        for (const auto& each : one.changes) {
            if (one.commits && each.put) {
                expected[each.key] = *each.put;
            } else if (one.commits) {
                expected.erase(each.key);
            }
        }
    }
    std::map<std::string, std::int64_t> found;
    const auto done = (*a)->read([&](any_transaction& txn) {
        found.clear();
        return txn.scan_from(which_table::first, "", [&](std::string_view key, const kit_row& row) {
            found[std::string{key}] = row.number;
            return scan::next;
        });
    });
    if (!done) {
        return "a scan failed: " + to_string(done.error());
    }
    if (found == expected) {
        return std::nullopt;
    }
    const auto rows = [](const auto& of) {
        std::string text;
        for (const auto& [key, number] : of) {
            text += (text.empty() ? "" : ", ") + in_quotes(key) + " = " + std::to_string(number);
        }
        return "{" + text + "}";
    };
    return "a scan gave " + rows(found) + " and not " + rows(expected);
}

/// Leaves out what is not needed for something to be wrong.
[[nodiscard]] inline history shortest(history all, const place_maker& make) {
    const auto try_without = [&](history shorter) {
        const bool is_wrong = wrong_after(shorter, *make()).has_value();
        if (is_wrong) {
            all = std::move(shorter);
        }
        return is_wrong;
    };
    const auto without = [](auto list, std::size_t i) {
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
        return list;
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t i = all.size(); i-- != 0;) {
            changed = try_without(without(all, i)) || changed;
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            for (std::size_t n = all[i].changes.size(); all[i].changes.size() > 1 && n-- != 0;) {
                auto shorter = all;
                shorter[i].changes = without(shorter[i].changes, n);
                changed = try_without(std::move(shorter)) || changed;
            }
        }
    }
    return all;
}

inline void is_as_a_map(trial& t, const place_maker& make) {
    for (std::uint32_t seed = 1; seed <= t.options().rounds; ++seed) {
        const auto all = random_history(seed, seed * 2);
        const auto wrong = wrong_after(all, *make());
        if (!wrong) {
            continue;
        }
        const auto least = shortest(all, make);
        for (const auto& one : least) {
            t.step(to_text(one));
        }
        t.fail_with(
            wrong_after(least, *make()).value_or(*wrong + ", and the next time it was right"));
    }
}

} // namespace podscope::verify::conformance
