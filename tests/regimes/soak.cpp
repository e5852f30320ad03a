// SPDX-License-Identifier: BSL-1.0
// Processes that do all that the library can do on one store, for long, and are killed and stopped
// in the middle of it, now this one and now that one. Afterwards nothing may be lost: the
// invariants hold, what was acknowledged is there, and whoever comes next can go on.
#include "regimes/arguments.hpp"
#include "regimes/deeds.hpp"
#include "regimes/etcd_members.hpp"
#include "regimes/soak_accounts.hpp"
#include "regimes/soak_worker.hpp"
#include "regimes/stores.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"
#include "support/invariants.hpp"
#include "support/stored_state.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/json_writer.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/session/file.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace regimes;
using clock_type = std::chrono::steady_clock;
namespace tables = podscope::tables;

constexpr std::size_t processes = 8;

template <class Store>
class soak {
public:
    explicit soak(std::uint64_t seed) : seed_{seed}, random_{seed} {}

    ~soak() {
        for (auto& one : workers_) {
            end(one);
        }
    }

    soak(const soak&) = delete;
    soak& operator=(const soak&) = delete;

    [[nodiscard]] bool run(std::chrono::seconds time) {
        const auto until = clock_type::now() + time;
        for (std::size_t number = 0; number != processes; ++number) {
            start(number);
        }
        while (clock_type::now() < until && wrong_.empty()) {
            disturb();
            if (kills_ % 10 == 0) {
                auto store = open();
                inspect(podscope_test::stored_state{store}, "while all work");
                ++looks_;
            }
        }
        for (auto& one : workers_) {
            end(one);
        }
        if constexpr (served_store<Store>) {
            figures_["strikes"] = Store::recover();
        }
        settle_accounts();
        if constexpr (served_store<Store>) {
            await_leases();
        }
        go_on();
        for (const auto& one : wrong_) {
            std::fprintf(stderr, "%s: %s\n", Store::name, one.c_str());
        }
        return wrong_.empty();
    }

    void report(podscope::json_object_writer& figures) const {
        for (const auto& [what, count] : figures_) {
            figures.number(what, count);
        }
    }

private:
    struct worker {
        pid_t pid{-1};
        std::string log{};
    };

    void start(std::size_t number) {
        auto& one = workers_[number];
        one.log = "log-" + std::to_string(number) + '-' + std::to_string(logs_.size());
        const auto seed = random_();
        one.pid = ::fork();
        if (one.pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            try {
                soak_worker<Store>{folder_.path(), one.log, *board_, number, seed}.work();
            } catch (const std::exception& e) {
                std::fprintf(stderr, "a process of the soak gave up: %s\n", e.what());
            }
            ::_exit(1);
        }
        logs_.emplace_back(one.log, never);
    }

    [[nodiscard]] auto open() const {
        return Store::template open<podscope::pod_schema>(folder_ / "store");
    }

    // Returns once it is gone, and notes when.
    void end(worker& one) {
        if (one.pid <= 0) {
            return;
        }
        ::kill(one.pid, SIGKILL);
        reap(one);
    }

    void reap(worker& one) {
        int status{};
        while (::waitpid(one.pid, &status, 0) < 0 && errno == EINTR) {}
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            wrong_.push_back("a process ended by itself, with status " + std::to_string(status));
        }
        one.pid = -1;
        for (auto& [log, over] : logs_) {
            if (log == one.log) {
                over = board_->clock.fetch_add(1);
            }
        }
    }

    // Lets them work for a moment, then stops one for another moment, or kills one.
    void disturb() {
        ::usleep(static_cast<useconds_t>(150'000 + random_() % 300'000));
        if constexpr (served_store<Store>) {
            if (random_() % 8 == 0) {
                Store::strike();
            }
        }
        const auto number = random_() % processes;
        auto& one = workers_[number];
        if (random_() % 4 == 0) {
            ::kill(one.pid, SIGSTOP);
            ::usleep(static_cast<useconds_t>(random_() % longest_stop()));
            ::kill(one.pid, SIGCONT);
            ++stops_;
            return;
        }
        await_call(number);
        end(one);
        ++kills_;
        start(number);
    }

    // In microseconds.
    [[nodiscard]] std::uint64_t longest_stop() {
        if constexpr (served_store<Store>) {
            if (random_() % 4 == 0) {
                return std::chrono::microseconds{Store::longest_stop}.count();
            }
        }
        return 300'000;
    }

    // Returns somewhere in the middle of a call of a process, unless it makes none for long.
    void await_call(std::size_t number) {
        const auto& calls = board_->calls[number];
        const auto until = clock_type::now() + std::chrono::milliseconds{50};
        while (calls.load() % 2 == 0 && clock_type::now() < until) {}
        for (auto more = random_() % 20'000; more != 0 && calls.load() % 2 == 1; --more) {}
    }

    void inspect(const podscope_test::stored_state& state, const char* when) {
        auto found = podscope_test::inspection{state, places_}
                         .exclusion()
                         .containment()
                         .agreement({})
                         .no_leak()
                         .one_writer_per_segment()
                         .registry_in_step()
                         .broken();
        for (auto& one : found) {
            wrong_.push_back(one + " (" + when + ')');
        }
    }

    [[nodiscard]] deeds read_logs() const {
        deeds log;
        for (const auto& [name, over] : logs_) {
            log.read(folder_ / name, over);
        }
        return log;
    }

    // Now that all are dead, nobody's allocation stays.
    void await_leases() {
        auto store = open();
        if (!podscope_test::eventually([&] {
                return podscope_test::stored_state{store}
                    .template of<tables::allocations>()
                    .empty();
            })) {
            wrong_.push_back("a pod is live whose process has been dead for long");
        }
    }

    void settle_accounts() {
        auto store = open();
        const auto log = read_logs();
        const podscope_test::stored_state state{store};
        for (auto& one : podscope_test::broken_invariants(state, places_, {}, log.told)) {
            wrong_.push_back(std::move(one));
        }
        soak_accounts accounts{log, state, served_store<Store>};
        for (const auto& one : accounts.settle()) {
            wrong_.push_back(one);
        }
        const auto appended = check_sessions(log);
        const auto done = static_cast<std::uint64_t>(
            std::ranges::count_if(log.all, [](const auto& one) { return one.is_done(); }));
        const auto cut_short = static_cast<std::uint64_t>(
            std::ranges::count_if(log.all, [](const auto& one) { return one.is_pending(); }));
        figures_.merge(std::map<std::string, std::uint64_t>{
            {"kills", kills_},
            {"stops", stops_},
            {"looks", looks_},
            {"operations", log.all.size()},
            {"acknowledged", done},
            {"refused", log.all.size() - done - cut_short},
            {"cut_short", cut_short},
            {"grants", accounts.grants_accounted()},
            {"ends", accounts.ends_accounted()},
            {"late_calls", accounts.fences_tried()},
            {"late_calls_refused", accounts.refused_by_fences()},
            {"entries", appended},
            {"notifications", log.told.size()},
            {"live", state.of<tables::allocations>().size()},
            {"records", state.of<tables::pods>().size()},
            {"history", state.of<tables::history>().size()}});
        if constexpr (served_store<Store>) {
            figures_["out_of_reach"] = static_cast<std::uint64_t>(
                std::ranges::count_if(log.all, soak_accounts::is_out_of_reach));
        }
    }

    // Each entry that was acknowledged stands where its writer was told.
    [[nodiscard]] std::uint64_t check_sessions(const deeds& log) {
        auto sessions = podscope_test::must(podscope::file_sessions::open(folder_ / "sessions"));
        std::uint64_t appended = 0;
        for (const auto& one : log.all) {
            if (one.what != "append" || !one.is_done()) {
                continue;
            }
            ++appended;
            const auto space = one.other.find(' ');
            const auto index = std::stoull(one.words);
            bool found = false;
            auto done =
                sessions.read(one.other.substr(0, space), index,
                              [&](std::uint64_t at, const podscope::session_entry& entry) {
                                  found = at == index && entry.body == one.other.substr(space + 1);
                                  return podscope::scan::stop;
                              });
            if (!done || !found) {
                wrong_.push_back("the entry " + one.other + " of " + one.by.pod + " is lost");
            }
        }
        return appended;
    }

    // What a pod is not restored for whose scope is another one's by now, or that never began.
    [[nodiscard]] static bool may_refuse(const podscope::error& why) {
        using podscope::errc;
        return why.category == errc::unknown_pod || why.category == errc::stale_epoch ||
               why.category == errc::conflict || why.category == errc::segment_pending;
    }

    // Now that nothing is disturbed any more: every pod that can be restored is, once, nothing is
    // left over, and doing it again changes nothing (I4, I5, I8).
    void go_on() {
        logs_.emplace_back("log-last", board_->clock.load());
        soak_worker<Store> last{folder_.path(), "log-last", *board_, processes, seed_};
        for (std::size_t number = 0; number != last.names; ++number) {
            if (const auto why = last.restore(last.name(number)); why && !may_refuse(*why)) {
                wrong_.push_back("a pod cannot be restored: " + to_string(*why));
            }
        }
        last.reconcile_all();
        if (!last.is_settled()) {
            wrong_.push_back("a reconcile of what was reconciled changed something (I8)");
        }
        for (std::size_t number = 0; number != last.names; ++number) {
            last.deliver(last.name(number));
        }
        const auto log = read_logs();
        auto store = open();
        const podscope_test::stored_state state{store};
        podscope_test::inspection at_rest{state, places_};
        for (const auto& pod : last.own_names()) {
            if (state.of<tables::allocations>().contains(pod)) {
                at_rest.all_children_live(pod);
            }
        }
        for (const auto& one : at_rest.nothing_lost(log.told).broken()) {
            wrong_.push_back(one + " (once all is quiet)");
        }
        inspect(state, "once all is quiet");
        if (!state.of<tables::outbox>().empty()) {
            wrong_.push_back("notifications wait that were delivered (I5)");
        }
        soak_accounts accounts{log, state, served_store<Store>};
        for (const auto& one : accounts.settle()) {
            wrong_.push_back(one + " (once all is quiet)");
        }
        figures_.emplace("restored", last.own_names().size());
    }

    std::uint64_t seed_;
    std::mt19937_64 random_;
    podscope_test::temporary_folder folder_{};
    podscope_test::shared<soak_board> board_{};
    const podscope_test::reference_universe places_{{"ws", "a", "b", "other"}, 6};
    std::array<worker, processes> workers_{};
    std::vector<std::pair<std::string, std::uint64_t>> logs_{}; // each with when it was over
    std::vector<std::string> wrong_{};
    std::map<std::string, std::uint64_t> figures_{};
    std::uint64_t kills_{};
    std::uint64_t stops_{};
    std::uint64_t looks_{};
};

} // namespace

int main(int argc, char** argv) {
    const auto told = read_arguments(argc, argv, "seconds");
    std::string figures;
    podscope::json_object_writer line{figures};
    line.text("regime", "soak");
    bool kept_all = true;
    try {
        kept_all = over_stores<etcd_members>(told.store, [&]<class Store>() {
            const auto seconds = told.amount.value_or(told.is_long ? 600 : Store::few_seconds);
            soak<Store> one{told.seed};
            const bool kept = one.run(std::chrono::seconds{seconds});
            std::string own;
            podscope::json_object_writer figures_of_store{own};
            figures_of_store.number("seconds", seconds);
            one.report(figures_of_store);
            figures_of_store.close();
            line.raw(Store::name, own);
            return kept;
        });
    } catch (const std::exception& e) {
        std::fprintf(stderr, "the soak gave up: %s\n", e.what());
        kept_all = false;
    }
    line.number("seed", told.seed).text("lost", kept_all ? "nothing" : "something").close();
    std::printf("%s\n", figures.c_str());
    return kept_all ? 0 : 1;
}
