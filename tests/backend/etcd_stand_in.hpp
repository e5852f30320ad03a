// SPDX-License-Identifier: BSL-1.0
// A cluster that is none: what each member answers to each call is a test's to say.
#pragma once

#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/result.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace backend_test {

/// Greets whoever connects as a member of cluster 7, if nothing else is said. Copies are the same.
class etcd_stand_in {
public:
    using answering = std::function<podscope::result<podscope::etcd_reply>(
        const podscope::etcd_endpoint&, const podscope::etcd_call&)>;

    /// What it answers to all but greetings.
    answering answers{[](const auto&, const auto&) { return closed(); }};
    answering greets{[](const auto&, const auto&) { return ok(); }};
    /// What it says to who follows: an answer whose body is the only line, or a failure to begin.
    answering tells{[](const auto&, const auto&) { return closed(); }};

    /// Once all is said that it answers.
    [[nodiscard]] podscope::etcd_dialler dialler() const {
        return [as = std::make_shared<const etcd_stand_in>(*this)](
                   const podscope::etcd_endpoint& at, podscope::etcd_deadline)
                   -> podscope::result<std::unique_ptr<podscope::etcd_channel>> {
            return std::unique_ptr<podscope::etcd_channel>{std::make_unique<channel>(at, as)};
        };
    }

    [[nodiscard]] static podscope::etcd_reply ok(const std::string& besides = {}) {
        return {200, R"({"header":{"cluster_id":"7","revision":"5"})" + besides + "}"};
    }

    [[nodiscard]] static podscope::etcd_reply refused(unsigned code, const std::string& why) {
        return {code == 16 ? 401U : 400U,
                R"({"error":")" + why + R"(","code":)" + std::to_string(code) + "}"};
    }

    [[nodiscard]] static podscope::failure closed() {
        return failed(podscope::etcd_errc::no_endpoint);
    }

    [[nodiscard]] static podscope::failure failed(podscope::etcd_errc why) {
        return podscope::fail(podscope::backend_detail::etcd_error(why, "nowhere", "as planned"));
    }

private:
    class channel final : public podscope::etcd_channel {
    public:
        channel(podscope::etcd_endpoint at, std::shared_ptr<const etcd_stand_in> as)
            : at_{std::move(at)},
              as_{std::move(as)} {}

        podscope::result<podscope::etcd_reply> post(const podscope::etcd_call& call,
                                                    podscope::etcd_deadline) override {
            return call.path == "/v3/maintenance/status" ? as_->greets(at_, call)
                                                         : as_->answers(at_, call);
        }

        podscope::result<void> begin(const podscope::etcd_call& call,
                                     podscope::etcd_deadline) override {
            auto said = as_->tells(at_, call);
            if (!said) {
                return podscope::fail(said);
            }
            line_ = std::move(said->body);
            return {};
        }

        podscope::result<std::string> next_line(podscope::etcd_deadline until) override {
            if (line_) {
                return *std::exchange(line_, std::nullopt);
            }
            std::unique_lock held{mutex_};
            return cancelled_.wait_until(held, until, [&] { return is_cancelled_; })
                       ? closed()
                       : failed(podscope::etcd_errc::no_answer);
        }

        void cancel() noexcept override {
            const std::lock_guard held{mutex_};
            is_cancelled_ = true;
            cancelled_.notify_all();
        }

    private:
        podscope::etcd_endpoint at_;
        std::shared_ptr<const etcd_stand_in> as_;
        std::optional<std::string> line_{};
        std::mutex mutex_{};
        std::condition_variable cancelled_{};
        bool is_cancelled_{false};
    };
};

} // namespace backend_test
