// SPDX-License-Identifier: BSL-1.0
// A process of a soak: it does this and that with pods of its own and of others, for ever, and logs
// all of it.
#pragma once

#include "regimes/deeds.hpp"
#include "regimes/fate.hpp"
#include "regimes/stores.hpp"

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/file.hpp>
#include <podscope/sink/callback.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

namespace regimes {

/// What all processes of a soak share beside the store.
struct soak_board {
    shared_clock clock{1};
    std::array<std::atomic<std::uint64_t>, 8> offers{}; ///< grants for whoever takes them up
    std::array<std::atomic<std::uint64_t>, 16> calls{}; ///< odd while in a call
};

template <class Store>
class soak_worker {
public:
    using backend = typename Store::template store<podscope::pod_schema>;
    using sink = podscope::callback_sink<std::function<void(const podscope::notification&)>>;
    using parts = podscope::runtime_parts<backend,
                                          podscope::file_sessions,
                                          podscope::process_probe,
                                          sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::calling_process>;
    using runtime = podscope::basic_runtime<parts>;
    using pod = podscope::basic_pod<parts>;

    static constexpr std::size_t names = 28; // two for each of the places below /ws

    [[nodiscard]] static std::string name(std::size_t number) {
        return "pod " + std::to_string(number);
    }

    /// @param folder of the store, the sessions and the logs
    /// @param log its file's name there
    soak_worker(const std::string& folder,
                const std::string& log,
                soak_board& board,
                std::size_t number,
                std::uint64_t seed)
        : log_{std::make_shared<deed_writer>(folder + '/' + log, board.clock)},
          library_{
              parts{open_for_life<Store, podscope::pod_schema>(folder + "/store"),
                    podscope_test::must(podscope::file_sessions::open(folder + "/sessions")),
                    {},
                    sink{[log = log_](const podscope::notification& told) { log->told(told.id); }},
                    {},
                    {},
                    {},
                    {}}},
          board_{&board},
          number_{number},
          random_{seed} {
        board.calls[number].store(0);
    }

    [[noreturn]] void work() {
        for (;;) {
            step();
            // So that ten minutes do not make a history that is only slow to copy.
            ::usleep(static_cast<useconds_t>(pick(2'000)));
        }
    }

    // One operation each, for the end of a soak too.

    /// Restores a pod and holds it. Why it cannot be, if it cannot.
    std::optional<podscope::error> restore(const std::string& wanted) {
        auto back = doing("restore", {wanted}, {}, [&] { return library_.restore(wanted); });
        if (!back) {
            return std::move(back).error();
        }
        own_.push_back(std::move(back->pod));
        return {};
    }

    void reconcile_all() {
        for (auto& one : own_) {
            (void)doing("reconcile", id_of(one), {}, [&] { return one.reconcile(); });
        }
    }

    /// Whether a reconcile of a pod that was reconciled finds nothing to do (I8).
    [[nodiscard]] bool is_settled() {
        for (auto& one : own_) {
            const auto report = doing("reconcile", id_of(one), {}, [&] { return one.reconcile(); });
            if (!report || report->changed() || !report->undelivered.empty()) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] std::vector<std::string> own_names() const {
        std::vector<std::string> all;
        for (const auto& one : own_) {
            all.push_back(one.name());
        }
        return all;
    }

    void deliver(const std::string& wanted) {
        (void)doing("deliver", {wanted}, {}, [&] { return library_.deliver(wanted); });
    }

private:
    [[nodiscard]] std::size_t pick(std::size_t below) {
        return static_cast<std::size_t>(random_() % below);
    }

    [[nodiscard]] std::string any_name() { return name(pick(names)); }

    // A pod's own place: /ws/a, /ws/b, /ws/a/a and so on, three levels down.
    [[nodiscard]] static std::string home(std::size_t number) {
        std::string path;
        for (auto left = number % (names / 2) + 2; left != 1; left /= 2) {
            path.insert(0, left % 2 == 0 ? "/a" : "/b");
        }
        return "/ws" + path;
    }

    [[nodiscard]] podscope::manifest manifest_of(std::size_t number) {
        const auto place = home(pick(8) == 0 ? pick(names) : number);
        return podscope::manifest{name(number)}
            .may(podscope::rules::read(place))
            .may(podscope::rules::write(place));
    }

    [[nodiscard]] static std::size_t number_of(const std::string& pod) {
        return std::stoull(pod.substr(pod.find(' ') + 1));
    }

    // Somebody who may live below a pod, more often than not.
    [[nodiscard]] std::size_t any_child(const std::string& of) {
        const auto parent = number_of(of);
        auto child = pick(names);
        for (int tries = 0; tries != 24; ++tries, child = pick(names)) {
            if (child != parent && (home(child) + '/').starts_with(home(parent) + '/')) {
                break;
            }
        }
        return child;
    }

    [[nodiscard]] static grant_id id_of(const pod& one) {
        return {one.name(), static_cast<std::uint64_t>(one.granted())};
    }

    // Logs a call and what comes of it. One whose answer was lost stays as it stands when its
    // process is killed.
    template <class Call>
    auto doing(std::string_view what, const grant_id& by, std::string_view other, Call&& call) {
        log_->begin(what, by, other);
        board_->calls[number_].fetch_add(1);
        auto got = call();
        board_->calls[number_].fetch_add(1);
        if (!got) {
            if (fate_of(got.error()) == fate::lost) {
                return got;
            }
            log_->answer(to_string(got.error().category), to_string(got.error()), 0, {});
            return got;
        }
        std::string words;
        std::uint64_t granted = 0;
        std::vector<grant_id> ended;
        const auto take_ended = [&](const auto& list) {
            for (const auto& one : list) {
                ended.push_back({one.child, static_cast<std::uint64_t>(one.granted)});
            }
        };
        using value = std::remove_cvref_t<decltype(got)>;
        if constexpr (std::is_same_v<value, podscope::result<pod>>) {
            granted = id_of(*got).granted;
        } else if constexpr (std::is_same_v<value, podscope::result<podscope::grant>>) {
            granted = static_cast<std::uint64_t>(got->granted);
        } else if constexpr (std::is_same_v<value, podscope::result<podscope::restored<parts>>>) {
            granted = id_of(got->pod).granted;
            take_ended(got->report.ended);
        } else if constexpr (std::is_same_v<value, podscope::result<podscope::reconcile_report>>) {
            take_ended(got->ended);
        } else if constexpr (std::is_same_v<value, podscope::result<podscope::stale_report>>) {
            take_ended(got->reclaimed);
        } else if constexpr (std::is_same_v<value, podscope::result<std::uint64_t>>) {
            words = std::to_string(*got);
        }
        log_->answer("ok", words, granted, ended);
        return got;
    }

    void step() {
        switch (pick(20)) {
        case 0:
        case 1: {
            const auto wanted = manifest_of(pick(names));
            (void)keep(doing("create", {wanted.name}, {}, [&] { return library_.create(wanted); }));
            return;
        }
        case 2:
        case 3:
        case 4:
        case 5:
        case 6: return delegate();
        case 7:
        case 8: {
            const auto offer = board_->offers[pick(board_->offers.size())].exchange(0);
            if (offer != 0) {
                adopt({.pod = name(offer % 64), .granted = podscope::epoch{offer / 64}});
            }
            return;
        }
        case 9:
            return with_own([&](pod& one) {
                if (doing("release", id_of(one), {}, [&] { return one.release(); }) &&
                    pick(2) == 0) {
                    // Its holder comes once more, and is too late.
                    (void)doing("release", id_of(one), {}, [&] { return one.release(); });
                }
            });
        case 10:
        case 11:
            return with_own([&](pod& one) {
                const auto child = name(any_child(one.name()));
                (void)doing("reclaim", id_of(one), child, [&] { return one.reclaim(child); });
            });
        case 12:
            return with_own([&](pod& one) {
                (void)doing("reconcile", id_of(one), {}, [&] { return one.reconcile(); });
            });
        case 13:
            return with_own([&](pod& one) {
                const auto place = std::to_string(random_());
                (void)doing("endpoint", id_of(one), place, [&] { return one.set_endpoint(place); });
            });
        case 14:
            return with_own([&](pod& one) {
                const auto segment = one.segment().value_or("unknown");
                const auto body = std::to_string(random_());
                (void)doing("append", id_of(one), segment + ' ' + body,
                            [&] { return one.append({.kind = "soak", .body = body}); });
            });
        case 15:
            if (!own_.empty() && pick(2) == 0) {
                drop(pick(own_.size()));
            } else if (pick(10) == 0) {
                (void)doing("sweep", {}, {}, [&] { return library_.reclaim_stale(); });
            }
            return;
        case 16:
        case 17: (void)restore(any_name()); return;
        default:
            return with_own([&](pod& one) {
                (void)doing("check", id_of(one), {},
                            [&] { return one.check("/ws", permission()); });
            });
        }
    }

    [[nodiscard]] podscope::permission permission() {
        return pick(2) == 0 ? podscope::permission::none : podscope::permission::write;
    }

    void delegate() {
        with_own([&](pod& one) {
            const auto child = manifest_of(any_child(one.name()));
            const auto made =
                doing("delegate", id_of(one), child.name, [&] { return one.delegate(child); });
            if (made && pick(2) == 0) {
                adopt(*made);
            } else if (made) {
                board_->offers[pick(board_->offers.size())].store(
                    static_cast<std::uint64_t>(made->granted) * 64 + number_of(made->pod));
            }
        });
    }

    void adopt(const podscope::grant& shown) {
        (void)keep(doing("adopt", {shown.pod, static_cast<std::uint64_t>(shown.granted)}, {},
                         [&] { return library_.adopt(shown); }));
    }

    // Those that have lost their allocation stay for a while, to be refused.
    template <class F>
    void with_own(F&& act) {
        if (own_.empty()) {
            return;
        }
        // Out of the list, which may grow meanwhile.
        const auto at = pick(own_.size());
        pod one = std::move(own_[at]);
        own_.erase(own_.begin() + static_cast<std::ptrdiff_t>(at));
        act(one);
        const bool is_live = doing("check", id_of(one), {}, [&] {
                                 return one.check("/ws", podscope::permission::none);
                             }).has_value();
        own_.push_back(std::move(one));
        if ((!is_live && pick(3) == 0) || own_.size() > most_own) {
            drop(is_live ? 0 : own_.size() - 1);
        }
    }

    void drop(std::size_t at) {
        log_->begin("drop", id_of(own_[at]));
        own_.erase(own_.begin() + static_cast<std::ptrdiff_t>(at));
        log_->answer("ok", {}, 0, {});
    }

    bool keep(podscope::result<pod> got) {
        if (got) {
            own_.push_back(std::move(*got));
        }
        return got.has_value();
    }

    static constexpr std::size_t most_own = 6;

    std::shared_ptr<deed_writer> log_;
    runtime library_;
    soak_board* board_;
    std::size_t number_;
    std::mt19937_64 random_;
    std::vector<pod> own_{};
};

} // namespace regimes
