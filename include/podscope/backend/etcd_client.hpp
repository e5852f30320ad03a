// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/etcd_options.hpp>
#include <podscope/backend/etcd_refusal.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/os/deadline_after.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// Calls of an etcd cluster: to whichever endpoint answers, with a token if a user is given, and
/// never to another cluster. From several threads at once, each on a connection of its own, which
/// is kept for the next call.
class etcd_client {
public:
    using clock = std::chrono::steady_clock;

    etcd_client(etcd_options options, etcd_dialler dial)
        : options_{std::move(options)},
          dial_{std::move(dial)},
          cluster_{options_.cluster.value_or(0)} {}

    etcd_client(const etcd_client&) = delete;
    etcd_client& operator=(const etcd_client&) = delete;

    [[nodiscard]] const etcd_options& options() const noexcept { return options_; }

    /// Reads the endpoints. Errors: `unavailable` if one of them is none.
    [[nodiscard]] result<void> check_endpoints() {
        for (const auto& text : options_.endpoints) {
            auto read = etcd_endpoint::parse(text);
            if (!read) {
                return fail(etcd_error(etcd_errc::no_endpoint, text,
                                       "an endpoint is written as http://host:port or "
                                       "https://host:port"));
            }
            members_.emplace_back().at = *std::move(read);
        }
        return members_.empty()
                   ? fail(etcd_error(etcd_errc::no_endpoint, "nowhere", "no endpoint was given"))
                   : result<void>{};
    }

    /// Errors: `forked` in a forked copy of the process, where nothing may be touched: a thread of
    /// the other one may have held any lock.
    [[nodiscard]] result<void> check_process() const {
        if (stamp_.is_current()) {
            return {};
        }
        return fail({.category = errc::forked,
                     .message = "an etcd store cannot be used in a forked copy of the process "
                                "that opened it: open it anew there"});
    }

    /// When a call that begins now has to be over.
    [[nodiscard]] etcd_deadline deadline() const {
        return os_detail::deadline_after(options_.deadline);
    }

    /// Makes a call that may be made twice, of one endpoint after the other until one answers.
    [[nodiscard]] result<json_value>
    ask(std::string_view path, std::string_view body, etcd_deadline until) {
        bool was_sent = false;
        return call(path, body, until, true, was_sent);
    }

    /// Makes a call that must not be made twice.
    /// @param was_sent whether it may have taken place, also where this fails or throws
    [[nodiscard]] result<json_value>
    tell(std::string_view path, std::string_view body, etcd_deadline until, bool& was_sent) {
        return call(path, body, until, false, was_sent);
    }

    /// Makes a call whose answer has no end, of the first endpoint that takes it. Each time it
    /// begins with another one, since a member may take it and then not serve it.
    [[nodiscard]] result<std::unique_ptr<etcd_channel>>
    follow(std::string_view path, std::string_view body, etcd_deadline until) {
        const std::size_t count = members_.size();
        const std::size_t first = current_.load(std::memory_order_relaxed) +
                                  followed_.fetch_add(1, std::memory_order_relaxed);
        std::optional<error> last;
        for (std::size_t i = 0; i != count; ++i) {
            auto& on = members_[(first + i) % count];
            const auto now = clock::now();
            const auto share = now + (until - now) / static_cast<std::int64_t>(count - i);
            auto made = dial(on, share);
            if (!made) {
                last = std::move(made).error();
                continue;
            }
            bool was_sent = false;
            attempt tried{was_sent};
            auto token = token_for(on, **made, share, tried);
            if (!token) {
                last = std::move(token).error();
                continue;
            }
            if (auto begun = (*made)->begin({path, body, *token}, share); begun) {
                return made;
            } else {
                last = std::move(begun).error();
            }
        }
        return fail(*std::move(last));
    }

private:
    struct member {
        etcd_endpoint at{};
        std::vector<std::unique_ptr<etcd_channel>> idle{};
    };

    // How an attempt has failed.
    struct attempt {
        bool& was_sent;    // it may have taken place
        bool is_final{};   // the cluster has said no, and would say so again
        bool is_passing{}; // the cluster cannot answer now, and may soon
        bool has_gone{};   // it has closed the connection on which it was asked, and may be back
    };

    [[nodiscard]] result<json_value> call(std::string_view path,
                                          std::string_view body,
                                          etcd_deadline until,
                                          bool may_repeat,
                                          bool& was_sent) {
        was_sent = false;
        if (auto here = check_process(); !here) {
            return fail(here);
        }
        const std::size_t count = members_.size();
        std::optional<error> telling;
        for (auto pause = std::chrono::milliseconds{10};; pause = std::min(2 * pause, longest)) {
            const std::size_t first = current_.load(std::memory_order_relaxed);
            bool may_pass = false;
            for (std::size_t i = 0; i != count; ++i) {
                const auto now = clock::now();
                if (now >= until) {
                    return fail(telling ? *std::move(telling) : late(members_[first % count].at));
                }
                auto& on = members_[(first + i) % count];
                // The last of a round must not use up what another round can be had in.
                const auto share = (until - now) / static_cast<std::int64_t>(count - i + may_pass);
                attempt tried{was_sent};
                auto said = call_at(on, {path, body, {}}, now + share, may_repeat, tried);
                if (said || tried.is_final) {
                    current_.store((first + i) % count, std::memory_order_relaxed);
                    return said;
                }
                current_.store((first + i + 1) % count, std::memory_order_relaxed);
                may_pass = may_pass || tried.is_passing || tried.has_gone;
                // That nobody is there says less than anything that somebody has said.
                if (!telling || telling->system == etcd_errc::no_endpoint) {
                    telling = std::move(said).error();
                }
                if (was_sent && !may_repeat) {
                    return fail(*std::move(telling));
                }
            }
            if (!may_pass) {
                return fail(*std::move(telling));
            }
            std::this_thread::sleep_until(std::min(until, clock::now() + pause));
        }
    }

    [[nodiscard]] static error late(const etcd_endpoint& at) {
        return etcd_error(etcd_errc::no_answer, at.text,
                          "no answer within the deadline; see whether the cluster has a leader");
    }

    // On a connection that was kept if there is one, and on a new one if that turns out to be
    // closed.
    [[nodiscard]] result<json_value>
    call_at(member& on, etcd_call call, etcd_deadline until, bool may_repeat, attempt& tried) {
        if (auto kept = take(on)) {
            auto said = call_on(on, *kept, call, until, tried);
            if (said || tried.is_final || tried.is_passing) {
                give_back(on, std::move(kept));
                return said;
            }
            forget(on);
            if (!may_repeat || said.error().category == errc::timeout) {
                return said;
            }
        }
        tried.was_sent = false;
        auto made = dial(on, until);
        if (!made) {
            return fail(made);
        }
        auto said = call_on(on, **made, call, until, tried);
        if (said || tried.is_final || tried.is_passing) {
            give_back(on, *std::move(made));
        }
        return said;
    }

    [[nodiscard]] result<json_value>
    call_on(member& on, etcd_channel& by, etcd_call call, etcd_deadline until, attempt& tried) {
        for (bool is_again = false;; is_again = true) {
            auto token = token_for(on, by, until, tried);
            if (!token) {
                return fail(token);
            }
            call.token = *token;
            tried.was_sent = true;
            auto reply = post(by, call, until, tried);
            if (!reply) {
                return fail(reply);
            }
            auto said = json_value::parse(reply->body);
            if (reply->status == 200 && said && said->is_object()) {
                auto right = check_cluster(on.at, (*said)["header"]);
                if (!right) {
                    tried.is_final = true;
                    tried.was_sent = false; // to the right one
                    return fail(right);
                }
                return *std::move(said);
            }
            const auto number = said && said->is_object() ? (*said)["code"].number() : std::nullopt;
            const auto why = number ? (*said)["error"].text() : std::string_view{};
            if (why.empty()) {
                return fail(no_etcd(on.at, *reply));
            }
            const etcd_code code{*number};
            if (is_of_token(code, why) && !options_.user.empty() && !is_again) {
                drop_token(*token);
                tried.was_sent = false; // etcd looks at it before anything else
                continue;
            }
            return fail(refused(on.at, code, why, tried));
        }
    }

    [[nodiscard]] static result<etcd_reply>
    post(etcd_channel& by, const etcd_call& call, etcd_deadline until, attempt& tried) {
        auto reply = by.post(call, until);
        tried.has_gone = !reply && reply.error().system == etcd_errc::no_endpoint;
        return reply;
    }

    [[nodiscard]] static error
    refused(const etcd_endpoint& at, etcd_code code, std::string_view why, attempt& tried) {
        auto refusal = read_refusal(at.text, code, why);
        tried.is_passing = refusal.is_passing;
        tried.is_final = !refusal.is_passing;
        tried.was_sent = tried.was_sent && refusal.may_be_done;
        return std::move(refusal.why);
    }

    [[nodiscard]] static error no_etcd(const etcd_endpoint& at, const etcd_reply& reply) {
        return etcd_error(etcd_errc::no_etcd, at.text,
                          "what answers there is no etcd of version 3.4 or later (status " +
                              std::to_string(reply.status) +
                              "); see whether that is its client address");
    }

    // Cluster.

    [[nodiscard]] result<void> check_cluster(const etcd_endpoint& at, const json_value& header) {
        const auto found = header["cluster_id"].number().value_or(0);
        std::uint64_t wanted = 0;
        // Streams and authentication answer without one.
        if (found == 0 || cluster_.compare_exchange_strong(wanted, found) || wanted == found) {
            return {};
        }
        return fail(etcd_error(etcd_errc::wrong_cluster, at.text,
                               "it belongs to cluster " + std::to_string(found) + ", and not to " +
                                   std::to_string(wanted)));
    }

    /// A connection whose other end is known to be a member of the cluster, before anything is
    /// asked of it.
    [[nodiscard]] result<std::unique_ptr<etcd_channel>> dial(member& on, etcd_deadline until) {
        auto made = dial_(on.at, until);
        if (!made) {
            return made;
        }
        auto reply = (*made)->post({"/v3/maintenance/status", "{}", {}}, until);
        if (!reply) {
            return fail(reply);
        }
        const auto said = json_value::parse(reply->body);
        if (reply->status != 200 || !said ||
            (*said)["header"]["cluster_id"].number().value_or(0) == 0) {
            return fail(no_etcd(on.at, *reply));
        }
        if (auto right = check_cluster(on.at, (*said)["header"]); !right) {
            return fail(right);
        }
        return made;
    }

    // Tokens.

    [[nodiscard]] result<std::string>
    token_for(const member& on, etcd_channel& by, etcd_deadline until, attempt& tried) {
        if (options_.user.empty()) {
            return std::string{};
        }
        {
            const std::lock_guard held{mutex_};
            if (token_) {
                return *token_;
            }
        }
        const auto body =
            etcd_object{}.text("name", options_.user).text("password", options_.password).done();
        auto reply = post(by, {"/v3/auth/authenticate", body, {}}, until, tried);
        if (!reply) {
            return fail(reply);
        }
        const auto said = json_value::parse(reply->body);
        if (!said || !said->is_object()) {
            return fail(no_etcd(on.at, *reply));
        }
        const etcd_code code{(*said)["code"].number().value_or(0)};
        // Where authentication is not enabled, everybody may do everything.
        if (reply->status != 200 && code != etcd_code::failed_precondition) {
            return fail(refused(on.at, code, (*said)["error"].text(), tried));
        }
        const std::lock_guard held{mutex_};
        token_ = std::string{(*said)["token"].text()};
        return *token_;
    }

    void drop_token(std::string_view stale) {
        const std::lock_guard held{mutex_};
        if (token_ && *token_ == stale) {
            token_.reset();
        }
    }

    // Connections.

    [[nodiscard]] std::unique_ptr<etcd_channel> take(member& on) {
        const std::lock_guard held{mutex_};
        if (on.idle.empty()) {
            return nullptr;
        }
        auto last = std::move(on.idle.back());
        on.idle.pop_back();
        return last;
    }

    // One for which there is no memory is closed: the call that it was for stands.
    void give_back(member& on, std::unique_ptr<etcd_channel> channel) noexcept {
        (void)guarded([&]() -> result<void> {
            const std::lock_guard held{mutex_};
            on.idle.push_back(std::move(channel));
            return {};
        });
    }

    void forget(member& on) {
        std::vector<std::unique_ptr<etcd_channel>> gone;
        const std::lock_guard held{mutex_};
        gone.swap(on.idle);
    }

    static constexpr std::chrono::milliseconds longest{320};

    etcd_options options_;
    etcd_dialler dial_;
    fork_stamp stamp_{};
    std::vector<member> members_{};
    std::atomic<std::size_t> current_{0};
    std::atomic<std::size_t> followed_{0};
    std::atomic<std::uint64_t> cluster_;
    std::mutex mutex_{};
    std::optional<std::string> token_{};
};

} // namespace podscope::backend_detail
