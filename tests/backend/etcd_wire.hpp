// SPDX-License-Identifier: BSL-1.0
// What lies between a store and its etcd: counts the calls, and lets a test come between.
#pragma once

#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/result.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backend_test {

/// Copies are of the same wire.
class etcd_wire {
public:
    using passing = std::function<podscope::result<podscope::etcd_reply>()>;
    using meddling = std::function<podscope::result<podscope::etcd_reply>(
        const podscope::etcd_call&, const passing& pass)>;

    explicit etcd_wire(podscope::etcd_dialler real) : real_{std::move(real)} {}

    [[nodiscard]] podscope::etcd_dialler dialler() const {
        return [state = state_, real = real_](const podscope::etcd_endpoint& at,
                                              podscope::etcd_deadline until)
                   -> podscope::result<std::unique_ptr<podscope::etcd_channel>> {
            auto made = real(at, until);
            if (!made) {
                return podscope::fail(made);
            }
            return std::unique_ptr<podscope::etcd_channel>{
                std::make_unique<channel>(*std::move(made), state)};
        };
    }

    /// From now on calls go through this; through nothing if it is empty.
    void meddle(meddling with) const {
        const std::lock_guard held{state_->mutex};
        state_->with = std::move(with);
    }

    /// Meddles with commits only.
    void meddle_with_commits(meddling with) const {
        meddle([with = std::move(with)](const podscope::etcd_call& call, const passing& pass) {
            return is_commit(call) ? with(call, pass) : pass();
        });
    }

    /// From now on nobody hears anything of what he follows, as on a connection that was cut
    /// without a word.
    void deafen() const {
        const std::lock_guard held{state_->mutex};
        state_->is_deaf = true;
    }

    /// From now on whatever somebody follows is over at once.
    void hang_up() const {
        const std::lock_guard held{state_->mutex};
        state_->hangs_up = true;
    }

    /// How many lines somebody has heard of what he follows.
    [[nodiscard]] std::size_t lines() const {
        const std::lock_guard held{state_->mutex};
        return state_->lines;
    }

    struct count {
        std::size_t reads{};
        std::size_t commits{};
        std::size_t others{}; ///< leases, tokens, greetings

        friend bool operator==(const count&, const count&) = default;

        friend std::ostream& operator<<(std::ostream& out, const count& these) {
            return out << these.reads << " reads, " << these.commits << " commits, " << these.others
                       << " others";
        }
    };

    /// The calls since the last time that this was asked.
    [[nodiscard]] count take_count() const {
        const std::lock_guard held{state_->mutex};
        return std::exchange(state_->calls, {});
    }

    [[nodiscard]] static bool is_commit(const podscope::etcd_call& call) {
        const auto has = [&](std::string_view what) {
            return call.body.find(what) != std::string_view::npos;
        };
        // Neither one that makes a mark, nor one that asks what became of a commit.
        return call.path == "/v3/kv/txn" && has("request_put") && !has("VALUE") &&
               !call.body.starts_with(R"({"compare":[])");
    }

    /// What a store hears of a call whose answer was lost.
    [[nodiscard]] static podscope::failure lost() {
        return podscope::fail(podscope::backend_detail::etcd_error(podscope::etcd_errc::no_endpoint,
                                                                   "the wire", "cut, as planned"));
    }

private:
    struct state {
        std::mutex mutex{};
        meddling with{};
        bool is_deaf{false};
        bool hangs_up{false};
        std::size_t lines{0};
        count calls{};
    };

    class channel final : public podscope::etcd_channel {
    public:
        channel(std::unique_ptr<podscope::etcd_channel> real, std::shared_ptr<state> on)
            : real_{std::move(real)},
              state_{std::move(on)} {}

        podscope::result<podscope::etcd_reply> post(const podscope::etcd_call& call,
                                                    podscope::etcd_deadline until) override {
            meddling with;
            {
                const std::lock_guard held{state_->mutex};
                auto& calls = state_->calls;
                ++(is_commit(call) ? calls.commits
                                   : (call.path == "/v3/kv/txn" ? calls.reads : calls.others));
                with = state_->with;
            }
            const auto pass = [&] { return real_->post(call, until); };
            return with ? with(call, pass) : pass();
        }

        podscope::result<void> begin(const podscope::etcd_call& call,
                                     podscope::etcd_deadline until) override {
            return real_->begin(call, until);
        }

        podscope::result<std::string> next_line(podscope::etcd_deadline until) override {
            // Asked first as well: an etcd that is silent would keep who hears it waiting.
            if (hangs_up()) {
                return lost();
            }
            auto line = real_->next_line(until);
            if (hangs_up()) {
                return lost();
            }
            const std::lock_guard held{state_->mutex};
            if (line && state_->is_deaf) {
                return podscope::fail(podscope::backend_detail::etcd_error(
                    podscope::etcd_errc::no_answer, "the wire", "cut, as planned"));
            }
            state_->lines += line ? 1U : 0U;
            return line;
        }

        void cancel() noexcept override { real_->cancel(); }

    private:
        [[nodiscard]] bool hangs_up() const {
            const std::lock_guard held{state_->mutex};
            return state_->hangs_up;
        }

        std::unique_ptr<podscope::etcd_channel> real_;
        std::shared_ptr<state> state_;
    };

    podscope::etcd_dialler real_;
    std::shared_ptr<state> state_{std::make_shared<state>()};
};

} // namespace backend_test
