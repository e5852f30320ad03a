// SPDX-License-Identifier: BSL-1.0
// Pods whose registry and records are in an etcd, against bare calls by the same connection.
#include "backend/etcd_wire.hpp"
#include "support/etcd_server.hpp"
#include "support/measure.hpp"
#include "support/pod_checks.hpp"
#include "support/population.hpp"
#include "support/processor_time.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/os/boottime_clock.hpp>
#include <podscope/podscope.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace podscope_bench {
namespace {

using podscope_test::etcd_server;
using population_in_etcd = basic_population<podscope::etcd_store>;

using namespace std::chrono_literals;

// So that thousands are there in time.
constexpr std::size_t entered_at_once = 256;
constexpr std::size_t claims_at_once = 500;
constexpr std::size_t operations_at_once = 8 * entered_at_once;

const etcd_server& server() {
    static const etcd_server only{{"--max-txn-ops=" + std::to_string(operations_at_once)}};
    return only;
}

// A place of its own in the one server.
podscope::etcd_options apart() {
    static int made = 0;
    return {.endpoints = {server().endpoint()},
            .prefix = "place" + std::to_string(++made) + "/",
            .most_operations = operations_at_once};
}

std::shared_ptr<population_in_etcd>
filled(const podscope::etcd_options& at,
       std::size_t size,
       const podscope::etcd_dialler& dial = podscope::etcd_over_http()) {
    return std::make_shared<population_in_etcd>(must(podscope::open_etcd_store(at, dial)), size,
                                                entered_at_once);
}

// So many rules of others' in the registry, which each delegation has to be held against.
void hold(population_in_etcd& all, std::size_t claims) {
    const auto self = must(podscope::calling_process{}.self());
    for (std::size_t from = 0; from < claims; from += claims_at_once) {
        must(all.backend_.write([&](auto& txn) -> podscope::result<void> {
            podscope::pod_store store{txn};
            const auto granted = must(store.next_epoch());
            podscope::pod_record record{.pod = "holder" + std::to_string(from), .granted = granted};
            for (auto i = from; i != std::min(claims, from + claims_at_once); ++i) {
                record.manifest.allow.push_back(
                    {place("/held" + place_of(i)), podscope::permission::write, true});
            }
            must(podscope::registry{txn}.insert({.pod = record.pod,
                                                 .owner = self,
                                                 .allow = record.manifest.allow,
                                                 .granted = granted,
                                                 .adopted = true},
                                                {}));
            return store.put(record);
        }));
    }
}

// Filled once for all repetitions: a hundred thousand take their time.
population_in_etcd& among_claims(std::size_t claims) {
    static std::map<std::size_t, std::shared_ptr<population_in_etcd>> all;
    auto& one = all[claims];
    if (!one) {
        one = filled(apart(), 0);
        hold(*one, claims);
    }
    return *one;
}

void delegate_one_more(population_in_etcd& all) {
    static std::size_t number = 0;
    must(all.planner.delegate(newcomer(++number)));
}

struct spoken {
    std::string path{};
    std::string body{};
};

// What a delegation says to etcd: one call to read, and one to commit.
std::vector<spoken> calls_of_one() {
    const backend_test::etcd_wire wire{podscope::etcd_over_http()};
    const auto all = filled(apart(), 0, wire.dialler());
    delegate_one_more(*all);
    std::vector<spoken> heard;
    std::mutex mutex;
    wire.meddle([&](const podscope::etcd_call& call, const backend_test::etcd_wire::passing& pass) {
        const std::lock_guard held{mutex};
        heard.push_back({std::string{call.path}, std::string{call.body}});
        return pass();
    });
    delegate_one_more(*all);
    wire.meddle({});
    if (heard.size() != 2) {
        throw std::runtime_error{"a delegation has taken " + std::to_string(heard.size()) +
                                 " calls, and not two"};
    }
    // On as many conditions, which etcd has to look at, but such as are met when it is said again.
    auto commit = nlohmann::json::parse(heard[1].body);
    for (auto& condition : commit.at("compare")) {
        condition.erase("value");
        condition["target"] = "MOD";
        condition["result"] = "LESS";
        condition["mod_revision"] = std::to_string(std::numeric_limits<std::int64_t>::max());
    }
    heard[1].body = commit.dump();
    return heard;
}

void say(podscope::etcd_channel& line, const spoken& one) {
    const auto reply =
        must(line.post({one.path, one.body, {}}, std::chrono::steady_clock::now() + 10s));
    if (reply.status != 200) {
        throw std::runtime_error{"etcd refuses what the library has said: " + reply.body};
    }
    if (one.path.ends_with("/txn") && reply.body.find("\"succeeded\":true") == std::string::npos) {
        throw std::runtime_error{"etcd has not done what the library has said: " + reply.body};
    }
}

void add_delegation() {
    const std::string raw = "the two calls of a delegation, bare";
    add_timed(raw, [](benchmark::State& state) {
        const auto calls = calls_of_one();
        const auto line =
            must(podscope::etcd_over_http()(*podscope::etcd_endpoint::parse(server().endpoint()),
                                            std::chrono::steady_clock::now() + 10s));
        for (auto _ : state) {
            for (const auto& one : calls) {
                say(*line, one);
            }
        }
    });
    const auto among = [](std::size_t claims) {
        auto name = "delegate in etcd among " + std::to_string(claims);
        add_timed(name, [claims](benchmark::State& state) {
            auto& all = among_claims(claims);
            delegate_one_more(all);
            for (auto _ : state) {
                delegate_one_more(all);
            }
        });
        return name;
    };
    const std::string watched = "delegate in a watched etcd, in which nobody else commits";
    add_timed(watched, [](benchmark::State& state) {
        auto at = apart();
        at.freshness = 1h;
        const auto all = filled(at, 0);
        // Until the watch has heard of what was done so far.
        for (const auto end = std::chrono::steady_clock::now() + 20s;
             !all->backend_.bytes().is_warm();) {
            if (std::chrono::steady_clock::now() > end) {
                throw std::runtime_error{"etcd tells a watch nothing"};
            }
            delegate_one_more(*all);
        }
        for (auto _ : state) {
            delegate_one_more(*all);
        }
    });
    compare_time("delegate in etcd with a warm watch, one call", watched, raw, 1.3);
    const auto few = among(100);
    const auto many = among(100'000);
    compare_time("delegate in etcd, 100 live claims", few, raw, 1.3);
    compare_time("delegate in etcd, 100 000 live claims against 100", many, few, 1.5);
}

void add_check() {
    const std::string here = "pod check on a watched etcd";
    add_operation(here, [] {
        auto at = apart();
        at.freshness = 1h;
        return checks_of(must(podscope::open_etcd_store(at, podscope::etcd_over_http())));
    });
    // What no check by a lease can do without: who was stopped hears of nothing, but the time
    // passed.
    const std::string least = "pod check in memory, and a read of the clock that counts since boot";
    add_operation(least, [] {
        return [check = checks_of(memory_backend{})] {
            benchmark::DoNotOptimize(podscope::os_detail::boottime_clock::now());
            return check();
        };
    });
    const std::string row = "check by a pod when nothing changed, watched etcd";
    compare_time(row, here, least, 1.1);
    compare_time(row + ", against one machine", here, "pod check in memory", std::nullopt);
}

// Of this program, which renews the lease, and of etcd, which also does what it does when idle.
double share_of_keep_alives(std::size_t pods) {
    auto at = apart();
    at.lease_term = 5s;
    const auto all = filled(at, pods);
    constexpr auto length = 5s;
    const auto before = processor_time() + processor_time(server().pid());
    std::this_thread::sleep_for(length);
    const auto after = processor_time() + processor_time(server().pid());
    return std::chrono::duration<double>(after - before) / std::chrono::duration<double>(length);
}

const on_load here{[] {
    if (!etcd_server::is_installed()) {
        return;
    }
    add_delegation();
    add_check();
    state(
        "processor time of keeping 10 000 live pods of a process alive in etcd, both sides",
        "of one core", [] { return share_of_keep_alives(10'000); }, 0.05);
}};

} // namespace
} // namespace podscope_bench
