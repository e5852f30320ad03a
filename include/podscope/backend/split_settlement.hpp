// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/split_options.hpp>
#include <podscope/backend/split_records.hpp>
#include <podscope/backend/split_undo.hpp>
#include <podscope/os/deadline_after.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/random.h>

namespace podscope::backend_detail {

[[nodiscard]] inline bool have_met(const split_decision& said) noexcept {
    return said.pair != 0 && !said.meeting;
}

/// Whether the states of the two parts belong together.
[[nodiscard]] inline bool agree(const split_decision& said, const split_state& now) noexcept {
    return said.pair == now.pair && said.committed == now.change;
}

/// What a call does to make the two parts of a split store agree, as basic_split tells it, and how
/// long it tries.
template <class First, class Second, class SecondTables>
class split_settlement {
public:
    split_settlement(First& first, Second& second, const split_options& options) noexcept
        : first_{&first},
          second_{&second},
          options_{options},
          until_{os_detail::deadline_after(options.deadline)} {}

    /// Takes back what is unfinished, and lets the parts meet if they have not. The caller looks
    /// again then. In no transaction.
    [[nodiscard]] result<void> settle() {
        if (clock::now() >= until_) {
            return fail({.category = errc::timeout,
                         .message = "others changed the two parts of a split store all the time: "
                                    "try again"});
        }
        if constexpr (!writes_in_turn<First>) {
            auto is_left = wait_for_maker();
            if (!is_left) {
                return fail(is_left);
            }
            if (!*is_left) {
                return {};
            }
        }
        finding found;
        auto done =
            first_->write([&](typename First::writer& first) { return find(first, found); });
        if (!done) {
            return done;
        }
        if (found.pair != 0) {
            return introduce(found);
        }
        return found.unfinished.empty() ? result<void>{} : take_back_unfinished(found);
    }

    /// Lets the parts meet as if they never had, each in the state in which it is.
    [[nodiscard]] result<void> pair_anew() {
        finding found;
        auto done = first_->write([&](typename First::writer& first) -> result<void> {
            found = {};
            auto said = only_row<tables::split_decisions>(first);
            if (!said) {
                return fail(said);
            }
            // Of two that begin at once the later one's pair would be in the first part, and the
            // earlier one's in the second.
            if (said->meeting) {
                found.pair = said->pair;
                found.committed = said->committed;
                return {};
            }
            return begin_meeting(first, *said, found);
        });
        return done ? introduce(found) : std::move(done);
    }

private:
    using clock = std::chrono::steady_clock;

    struct finding {
        std::uint64_t pair{0};
        std::uint64_t committed{0}; // as the first part said before they met
        std::uint64_t shared_pair{0};
        std::vector<std::uint64_t> unfinished{};
    };

    // What a new first part finds counts as it is, and so does what is left of a second part that
    // had less to promise.
    [[nodiscard]] static bool is_new_to(const split_decision& said,
                                        const split_state& now) noexcept {
        return said.pair == 0 || (now.pair == 0 && Second::durable != durability::power);
    }

    [[nodiscard]] result<void> find(typename First::writer& first, finding& found) {
        found = {};
        auto said = only_row<tables::split_decisions>(first);
        if (!said) {
            return fail(said);
        }
        split_state now;
        std::vector<std::uint64_t> unfinished;
        auto read = second_->read([&](typename Second::reader& second) -> result<void> {
            auto state = only_row<tables::split_states>(second);
            if (!state) {
                return fail(state);
            }
            now = *std::move(state);
            auto after = changes_after(second, now, said->committed);
            if (!after) {
                return fail(after);
            }
            unfinished = *std::move(after);
            return {};
        });
        if (!read) {
            return read;
        }
        if (said->meeting) {
            found.pair = said->pair;
            found.committed = said->committed;
            return {};
        }
        if (is_new_to(*said, now)) {
            return begin_meeting(first, *said, found);
        }
        if (said->pair != now.pair) {
            return fail({.category = errc::unavailable,
                         .message = "the two parts of a split store are not a pair: the second one "
                                    "is another, or was taken over by another first one"});
        }
        if (said->committed == now.change) {
            return {};
        }
        if (!unfinished.empty()) {
            found.shared_pair = now.pair;
            found.unfinished = std::move(unfinished);
            return writes_in_turn<First> ? result<void>{} : put_fenced(first, *said);
        }
        if constexpr (First::durable == durability::power && Second::durable == durability::power) {
            return fail({.category = errc::corrupt,
                         .message = "the two parts of a split store are from different moments, "
                                    "as if one had been put back from a copy: put back both, or "
                                    "accept them as they are"});
        } else {
            // First, and though this may yet fail: it does no harm to pass over numbers.
            if (auto done = pass_over_numbers(*said); !done) {
                return done;
            }
            said->committed = now.change;
            return put_fenced(first, *said);
        }
    }

    // A second part that has lost changes gives their numbers to no others: what a handle knows of
    // a number, that its change is decided, it would believe of the other one too.
    static void pass_over_numbers(split_state& now, std::uint64_t committed) noexcept {
        now.made = std::max(now.made, committed);
    }

    [[nodiscard]] result<void> pass_over_numbers(const split_decision& said) {
        return second_->write([&](typename Second::writer& second) -> result<void> {
            auto now = only_row<tables::split_states>(second);
            if (!now) {
                return fail(now);
            }
            if (now->pair != said.pair || now->made >= said.committed) {
                return {};
            }
            pass_over_numbers(*now, said.committed);
            return second.template put<tables::split_states>(only_key, *std::move(now));
        });
    }

    [[nodiscard]] static result<void> put_fenced(typename First::writer& first,
                                                 split_decision& said) {
        ++said.fences;
        return first.template put<tables::split_decisions>(only_key, said);
    }

    [[nodiscard]] static result<void>
    begin_meeting(typename First::writer& first, split_decision& said, finding& found) {
        auto& pair = found.pair;
        do {
            if (::getrandom(&pair, sizeof pair, 0) != sizeof pair) {
                return fail({.category = errc::io,
                             .message = "cannot get a random number",
                             .system = std::error_code{errno, std::generic_category()}});
            }
        } while (pair == 0);
        found.committed = said.committed;
        said.pair = pair;
        said.meeting = true;
        return put_fenced(first, said);
    }

    // The state that counts is the one that the second part is in when it is told: from then on an
    // older first part changes nothing, and the new one does not before it knows.
    [[nodiscard]] result<void> introduce(const finding& found) {
        const auto pair = found.pair;
        std::uint64_t change = 0;
        auto told = second_->write([&](typename Second::writer& second) -> result<void> {
            auto now = only_row<tables::split_states>(second);
            if (!now) {
                return fail(now);
            }
            change = now->change;
            if (now->pair == pair) {
                return {};
            }
            now->pair = pair;
            pass_over_numbers(*now, found.committed);
            return second.template put<tables::split_states>(only_key, *std::move(now));
        });
        if (!told) {
            return told;
        }
        return first_->write([&](typename First::writer& first) -> result<void> {
            auto said = only_row<tables::split_decisions>(first);
            if (!said) {
                return fail(said);
            }
            if (said->pair != pair || !said->meeting) {
                return {};
            }
            said->meeting = false;
            said->committed = change;
            return put_fenced(first, *said);
        });
    }

    // Others may have done it since, and made new changes.
    [[nodiscard]] result<void> take_back_unfinished(const finding& found) {
        return second_->write([&](typename Second::writer& second) -> result<void> {
            auto now = only_row<tables::split_states>(second);
            if (!now) {
                return fail(now);
            }
            if (now->pair != found.shared_pair || now->change != found.unfinished.front()) {
                return {};
            }
            return take_back<SecondTables>(second, *now, found.unfinished);
        });
    }

    // Whether an unfinished change is still the same after its maker had the time to finish it.
    [[nodiscard]] result<bool> wait_for_maker() {
        const auto patience = std::min(os_detail::deadline_after(options_.patience), until_);
        std::uint64_t seen = 0;
        for (std::chrono::microseconds pause{50};; pause = std::min(2 * pause, longest_pause)) {
            split_decision said;
            split_state now;
            auto looked = first_->read([&](typename First::reader& first) -> result<void> {
                auto decision = only_row<tables::split_decisions>(first);
                if (!decision) {
                    return fail(decision);
                }
                said = *std::move(decision);
                return second_->read([&](typename Second::reader& second) -> result<void> {
                    auto state = only_row<tables::split_states>(second);
                    if (!state) {
                        return fail(state);
                    }
                    now = *std::move(state);
                    return {};
                });
            });
            if (!looked) {
                return fail(looked);
            }
            if (!have_met(said) || said.pair != now.pair) {
                return true;
            }
            if (agree(said, now) || (seen != 0 && now.change != seen)) {
                return false;
            }
            if (clock::now() >= patience) {
                return true;
            }
            seen = now.change;
            std::this_thread::sleep_for(pause);
        }
    }

    static constexpr std::chrono::microseconds longest_pause{5'000};

    First* first_;
    Second* second_;
    split_options options_;
    clock::time_point until_;
};

} // namespace podscope::backend_detail
