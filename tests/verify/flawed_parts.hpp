// SPDX-License-Identifier: BSL-1.0
// A probe, a sink and a session store that break one promise each.
#pragma once

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/session/memory.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace verify_test {

using podscope::deadline;
using podscope::errc;
using podscope::probe_subject;
using podscope::result;
using podscope::verdict;

// Long enough for another thread to come between.
inline void let_others_run() {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

enum class probe_flaw {
    none,
    turns_slots_around,
    throws_for_nobody,
    stops_at_a_hundred,
    alternates,
    keeps_subjects_between_threads,
    thinks_late_is_dead,
    thinks_late_is_alive,
    condemns_who_hangs,
    waits_for_each,
    gives_up_all_at_once,
    throws_in_threads,
};

/// Its subjects are called what there is to be found; "hung" is one that takes all the time.
class flawed_probe {
public:
    explicit flawed_probe(probe_flaw which) : is_{which} {}

    void
    probe(std::span<const probe_subject> subjects, deadline until, std::span<verdict> verdicts) {
        if (is_ == probe_flaw::throws_for_nobody && subjects.empty()) {
            throw std::runtime_error{"nobody to ask about"};
        }
        if (is_ == probe_flaw::throws_in_threads && std::this_thread::get_id() != made_by_) {
            throw std::runtime_error{"another thread"};
        }
        const auto now = std::chrono::steady_clock::now();
        bool has_waited = false;
        if (is_ == probe_flaw::keeps_subjects_between_threads) {
            shared_->set(subjects);
            let_others_run();
        }
        for (std::size_t i = 0; i != subjects.size(); ++i) {
            if (is_ == probe_flaw::stops_at_a_hundred && i == 100) {
                return;
            }
            auto name = subjects[i].pod;
            if (is_ == probe_flaw::keeps_subjects_between_threads) {
                name = shared_->get(i);
            }
            if (name == "hung" && is_ == probe_flaw::waits_for_each) {
                std::this_thread::sleep_until(std::min(until, now + std::chrono::hours{1}));
                std::this_thread::sleep_for(std::chrono::milliseconds{30});
            }
            if (is_ == probe_flaw::gives_up_all_at_once && (name == "hung" || has_waited)) {
                std::this_thread::sleep_until(until);
                has_waited = true;
                verdicts[i] = verdict::unreachable;
                continue;
            }
            const auto slot = is_ == probe_flaw::turns_slots_around ? subjects.size() - 1 - i : i;
            verdicts[slot] =
                until < now && is_ == probe_flaw::thinks_late_is_dead     ? verdict::missing
                : until < now && is_ == probe_flaw::thinks_late_is_alive  ? verdict::reachable
                : name == "hung" && is_ == probe_flaw::condemns_who_hangs ? verdict::missing
                : is_ == probe_flaw::alternates && shared_->asked > subjects.size() * 2
                    ? verdict::unknown
                    : said_of(name);
            ++shared_->asked;
        }
    }

    static verdict said_of(std::string_view name) {
        return name == "living" ? verdict::reachable
               : name == "dead" ? verdict::missing
               : name == "hung" ? verdict::unreachable
                                : verdict::unknown;
    }

private:
    struct shared {
        std::mutex mutex{};
        std::vector<std::string> names{};
        std::atomic<std::size_t> asked{0};

        void set(std::span<const probe_subject> subjects) {
            const std::lock_guard alone{mutex};
            names.clear();
            for (const auto& one : subjects) {
                names.push_back(one.pod);
            }
        }

        std::string get(std::size_t i) {
            const std::lock_guard alone{mutex};
            return i < names.size() ? names[i] : "";
        }
    };

    probe_flaw is_;
    std::thread::id made_by_ = std::this_thread::get_id();
    std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

enum class sink_flaw {
    none,
    loses_every_second,
    hides_after_a_repeat,
    refuses_adoptions,
    loses_among_threads,
    fails_in_silence,
    remembers_what_it_refused,
    throws_in_threads,
};

class flawed_sink {
public:
    struct other_side {
        std::mutex mutex{};
        std::vector<std::string> ids{};
        std::set<std::string> seen{};
        std::size_t told{};
        bool refuses{};
        bool hides{};
    };

    flawed_sink(sink_flaw which, std::shared_ptr<other_side> to) : is_{which}, to_{std::move(to)} {}

    result<void> notify(const podscope::notification& told) {
        if (is_ == sink_flaw::throws_in_threads && std::this_thread::get_id() != made_by_) {
            throw std::runtime_error{"another thread"};
        }
        if (is_ == sink_flaw::loses_among_threads) {
            std::unique_lock alone{to_->mutex};
            auto ids = to_->ids;
            alone.unlock();
            std::this_thread::yield();
            ids.push_back(told.id);
            alone.lock();
            to_->ids = std::move(ids);
            return {};
        }
        const std::lock_guard alone{to_->mutex};
        const bool is_new = to_->seen.insert(told.id).second;
        if (to_->refuses) {
            if (is_ == sink_flaw::fails_in_silence) {
                return {};
            }
            if (is_ != sink_flaw::remembers_what_it_refused) {
                to_->seen.erase(told.id);
            }
            return podscope::fail({.category = errc::unavailable, .message = "not now"});
        }
        if (is_ == sink_flaw::refuses_adoptions && told.what == podscope::event::adopted) {
            return podscope::fail({.category = errc::unavailable, .message = "what is that"});
        }
        if (is_ == sink_flaw::loses_every_second && ++to_->told % 2 == 0) {
            return {};
        }
        if ((is_ == sink_flaw::remembers_what_it_refused && !is_new) ||
            (is_ == sink_flaw::hides_after_a_repeat && to_->hides)) {
            return {};
        }
        to_->hides = to_->hides || !is_new;
        to_->ids.push_back(told.id);
        return {};
    }

private:
    sink_flaw is_;
    std::thread::id made_by_ = std::this_thread::get_id();
    std::shared_ptr<other_side> to_;
};

enum class session_flaw {
    none,
    starts_one_later,
    ignores_stop,
    loses_lineage,
    lists_too_few,
    has_one_segment,
    cuts_newlines,
    takes_any_bytes,
    makes_what_is_not_there,
    reads_what_comes,
    keeps_to_itself,
    counts_by_handle,
    guesses_indices,
    counts_from_elsewhere,
    shows_wrong_indices,
    changes_bodies,
    miscounts,
    loses_among_threads,
    forgets_on_close,
    throws_in_threads,
};

class flawed_sessions {
public:
    struct shared {
        std::mutex mutex{};
        std::string only{};
        std::vector<std::string> listed{};
        const std::thread::id made_by = std::this_thread::get_id();
    };

    flawed_sessions(session_flaw which,
                    podscope::memory_sessions beneath,
                    std::shared_ptr<shared> with,
                    std::shared_ptr<const void> open = nullptr)
        : is_{which},
          beneath_{std::move(beneath)},
          with_{std::move(with)},
          open_{std::move(open)} {}

    result<std::string> create(const podscope::lineage& from) {
        auto id = beneath_.create(is_ == session_flaw::loses_lineage ? podscope::lineage{} : from);
        if (id && is_ == session_flaw::has_one_segment && with_->only.empty()) {
            with_->only = *id;
        }
        if (id && is_ == session_flaw::loses_among_threads) {
            std::unique_lock alone{with_->mutex};
            auto listed = with_->listed;
            alone.unlock();
            std::this_thread::yield();
            listed.push_back(*id);
            alone.lock();
            with_->listed = std::move(listed);
        }
        return id;
    }

    result<std::uint64_t> append(std::string_view id, const podscope::session_entry& entry) {
        if (is_ == session_flaw::throws_in_threads &&
            std::this_thread::get_id() != with_->made_by) {
            throw std::runtime_error{"another thread"};
        }
        auto changed = entry;
        if (is_ == session_flaw::cuts_newlines && changed.body.ends_with('\n')) {
            changed.body.pop_back();
        }
        if (is_ == session_flaw::takes_any_bytes) {
            std::erase_if(changed.body, [](char c) { return static_cast<unsigned char>(c) > 127; });
        }
        if (is_ == session_flaw::guesses_indices) {
            const auto before = beneath_.info(id);
            std::this_thread::sleep_for(std::chrono::microseconds{50});
            auto done = beneath_.append(id, changed);
            return done ? result<std::uint64_t>{before->entries} : done;
        }
        auto index = beneath_.append(at(id), changed);
        if (index && is_ == session_flaw::counts_by_handle) {
            const std::lock_guard alone{with_->mutex};
            mine_ = *index + 1;
        }
        return index && is_ == session_flaw::counts_from_elsewhere
                   ? result<std::uint64_t>{*index + 1'000'000}
                   : index;
    }

    template <class Visitor>
    result<void> read(std::string_view id, std::uint64_t from, Visitor&& visit) {
        if (is_ == session_flaw::starts_one_later && from != 0) {
            ++from;
        }
        bool stopped = false;
        const auto pass = [&](std::uint64_t index, const podscope::session_entry& entry) {
            from = index + 1;
            if (is_ == session_flaw::counts_by_handle && index >= mine_) {
                return podscope::scan::stop;
            }
            auto shown = entry;
            shown.body += is_ == session_flaw::changes_bodies ? "!" : "";
            const auto at = index + (is_ == session_flaw::shows_wrong_indices ? 1 : 0);
            stopped = visit(at, shown) == podscope::scan::stop;
            return is_ == session_flaw::ignores_stop || !stopped ? podscope::scan::next
                                                                 : podscope::scan::stop;
        };
        auto done = beneath_.read(at(id), from, pass);
        while (done && is_ == session_flaw::reads_what_comes && !stopped &&
               from < beneath_.info(id)->entries) {
            done = beneath_.read(id, from, pass);
        }
        return done;
    }

    result<podscope::segment_info> info(std::string_view id) {
        auto found = beneath_.info(at(id));
        if (found && is_ == session_flaw::miscounts) {
            found->entries /= 2;
        }
        return !found && is_ == session_flaw::makes_what_is_not_there ? podscope::segment_info{}
                                                                      : found;
    }

    result<std::vector<std::string>> list() {
        if (is_ == session_flaw::loses_among_threads) {
            const std::lock_guard alone{with_->mutex};
            return with_->listed;
        }
        auto all = beneath_.list();
        if (all && is_ == session_flaw::lists_too_few && all->size() > 10) {
            all->resize(10);
        }
        return all;
    }

private:
    [[nodiscard]] std::string at(std::string_view id) const {
        return is_ == session_flaw::has_one_segment && !with_->only.empty() ? with_->only
                                                                            : std::string{id};
    }

    session_flaw is_;
    podscope::memory_sessions beneath_;
    std::shared_ptr<shared> with_;
    std::shared_ptr<const void> open_; // for as long as the handle is
    std::uint64_t mine_ = 0;
};

} // namespace verify_test
