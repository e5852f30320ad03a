// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/verify/conformance/session_entries.hpp>
#include <podscope/verify/conformance/session_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What a session store promises to several threads. What it throws is an error here: out of a
// thread it would end the program.
namespace podscope::verify::conformance {

inline void grows_without_a_gap(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto second = t.must(store.at->open(), "opening it again");
    const auto id = t.must(store->create({}), "creating a segment");
    const std::uint64_t count = 30 * t.options().rounds;
    // Of many lengths, some beyond what a reader reads at a time.
    const auto entry = [](std::uint64_t i) {
        return session_entry{"k" + std::to_string(i),
                             std::string(i % 50 == 49 ? 80'000 : i % 97, 'b') + std::to_string(i)};
    };
    t.step("append " + std::to_string(count) +
           " entries, and read them all the while by another "
           "handle in another thread");
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<bool> is_over{false};
    bool is_right = true;
    result<segment_info> info;
    std::thread reader{[&] {
        for (std::uint64_t before = 0; before != count && !is_over;) {
            const auto at_least = std::max(before, acknowledged.load());
            std::uint64_t seen = 0;
            const auto look = [&](std::uint64_t index, const session_entry& found) {
                is_right = is_right && index == seen && found == entry(index);
                ++seen;
                return scan::next;
            };
            auto done = guarded([&] { return second->read(id, 0, look); });
            info = done ? guarded([&] { return second->info(id); }) : fail(done);
            is_right = is_right && info && seen >= at_least && info->entries >= seen;
            if (!is_right) {
                is_over = true;
            }
            before = seen;
        }
    }};
    result<std::uint64_t> index = 0;
    for (std::uint64_t i = 0; i != count && !is_over; ++i) {
        index = guarded([&] { return store->append(id, entry(i)); });
        if (index != i) {
            is_over = true;
        }
        acknowledged = i + 1;
    }
    const bool is_cut_short = is_over;
    reader.join();
    t.must(std::move(index), "appending");
    t.must(std::move(info), "reading it");
    t.expect(is_right && !is_cut_short, "an entry was missing, or not what was appended");
}

inline void lets_threads_append(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto id = t.must(store->create({}), "creating a segment");
    const std::uint64_t each = 8 * t.options().rounds;
    t.step("append " + std::to_string(each) + " entries in each of 4 threads");
    std::vector<std::vector<std::uint64_t>> indices(4);
    std::vector<result<void>> done(indices.size());
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n != indices.size(); ++n) {
        threads.emplace_back([&, n] {
            for (std::uint64_t i = 0; i != each && done[n]; ++i) {
                const session_entry mine{std::to_string(n), std::to_string(i)};
                auto index = guarded([&] { return store->append(id, mine); });
                indices[n].push_back(index.value_or(0));
                done[n] = index ? result<void>{} : fail(index);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (auto& one : done) {
        t.must(std::move(one), "what a thread did");
    }
    const auto all = entries_of(t, *store.store, id);
    t.equal(all.size(), each * indices.size(), "the number of entries");
    for (std::size_t n = 0; n != indices.size(); ++n) {
        for (std::uint64_t i = 0; i != each; ++i) {
            const bool is_there =
                indices[n][i] < all.size() &&
                all[indices[n][i]] == session_entry{std::to_string(n), std::to_string(i)};
            t.expect(is_there, "an entry does not stand at the index that append gave");
        }
    }
}

inline void lets_threads_create(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const std::size_t each = 2 * t.options().rounds;
    t.step("create " + std::to_string(each) + " segments with an entry in each of 4 threads");
    std::vector<result<void>> done(4);
    std::vector<std::thread> threads;
    for (auto& mine : done) {
        threads.emplace_back([&] {
            for (std::size_t i = 0; i != each && mine; ++i) {
                mine = guarded([&]() -> result<void> {
                    auto id = store->create({.at = 5});
                    auto index = id ? store->append(*id, some_entry(0)) : fail(id);
                    auto all = index ? store->list() : fail(index);
                    return all ? result<void>{} : fail(all);
                });
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (auto& one : done) {
        t.must(std::move(one), "what a thread did");
    }
    const auto ids = t.must(store->list(), "the list");
    t.equal(ids.size(), 4 * each, "the number of segments");
    for (const auto& id : ids) {
        t.equal(t.must(store->info(id), "the info of one").entries, 1U, "its number of entries");
    }
}

} // namespace podscope::verify::conformance
