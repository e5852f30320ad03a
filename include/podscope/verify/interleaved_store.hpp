// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/rows.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/schedule.hpp>
#include <podscope/verify/scheduled_store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace podscope::verify {

/// How writes of several actors meet in an interleaved_store.
enum class writing : bool {
    in_turn,   ///< one waits until the other one's transaction has ended, as under a lock
    optimistic ///< side by side; the body is run again if others have committed meanwhile
};

/// A store in memory whose transactions have two points of a schedule, one where they begin and one
/// where they commit: others may come, and the actor may crash, between them. For a store that is a
/// part of another one, as of a split store, so that a transaction goes on in another's.
///
/// A transaction sees the rows as they were when it began. Copies are handles of the same store;
/// for the schedule's thread.
template <class Schema, writing Way>
class interleaved_store {
public:
    static constexpr durability durable = durability::power;
    static constexpr podscope::reach reaches = podscope::reach::machine;
    static constexpr bool in_turn = Way == writing::in_turn;

    using reader = const scheduled_reader<const rows_reader<Schema>>;
    using writer = scheduled_writer<rows_writer<Schema>>;

    /// @param name what steps call it
    interleaved_store(std::string name, schedule& plan)
        : state_{std::make_shared<state>()},
          name_{std::move(name)},
          plan_{&plan} {}

    /// A store of its own with the same rows.
    [[nodiscard]] interleaved_store copy(schedule& plan) const {
        interleaved_store made{name_, plan};
        made.state_->rows = state_->rows;
        return made;
    }

    /// Errors: those of the body; `unavailable` if the actor has crashed.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) {
        if (auto alive = plan_->point("read " + name_); !alive) {
            return fail(alive);
        }
        const auto seen = state_->rows;
        plan_->observe(hash_of(*seen)); // what it shows is not what is there by then
        const rows_reader<Schema> txn{*seen};
        reader observed{txn, *plan_};
        return body(observed);
    }

    /// Errors: those of the body; `unavailable` if the actor has crashed.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        for (;;) {
            auto alive = in_turn ? plan_->point("write " + name_, [this] { return !is_locked(); })
                                 : plan_->point("write " + name_);
            if (!alive) {
                return fail(alive);
            }
            const auto base = state_->rows;
            std::optional<lock> alone;
            if constexpr (in_turn) {
                alone.emplace(state_);
            } else {
                plan_->observe(hash_of(*base));
            }
            const auto made = std::make_shared<basic_rows<Schema>>(*base);
            rows_writer<Schema> txn{*made};
            writer observed{txn, *plan_};
            auto outcome = body(observed);
            if (!outcome || !txn.has_changes()) {
                return outcome;
            }
            txn.keep();
            if (alive = plan_->point("commit to " + name_); !alive) {
                return fail(alive);
            }
            if (in_turn || hash_of(*base) == hash_of(*state_->rows)) {
                state_->rows = made;
                return outcome;
            }
        }
    }

    /// Of all rows. Equal for equal contents.
    [[nodiscard]] std::uint64_t hash() const { return hash_of(*state_->rows); }

private:
    struct state {
        std::shared_ptr<const basic_rows<Schema>> rows = std::make_shared<basic_rows<Schema>>();
        bool is_locked = false;
    };

    // Keeps what it locks: an actor that is given up may be unwound after the store has gone.
    class lock {
    public:
        explicit lock(std::shared_ptr<state> of) noexcept : of_{std::move(of)} {
            of_->is_locked = true;
        }

        lock(const lock&) = delete;
        lock& operator=(const lock&) = delete;

        ~lock() { of_->is_locked = false; }

    private:
        std::shared_ptr<state> of_;
    };

    [[nodiscard]] bool is_locked() const noexcept { return state_->is_locked; }

    [[nodiscard]] static std::uint64_t hash_of(const basic_rows<Schema>& rows) {
        return *rows_hash(Schema{}, rows_reader<Schema>{rows}); // which cannot fail in memory
    }

    std::shared_ptr<state> state_;
    std::string name_;
    schedule* plan_;
};

} // namespace podscope::verify
