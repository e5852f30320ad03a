// SPDX-License-Identifier: BSL-1.0
// What the kit for stores makes of a store that fails: it says so of the promise that it was
// trying, in the words of the store.
#include "support/catch.hpp"
#include "support/forked.hpp"
#include "support/temporary_folder.hpp"
#include "verify/flawed_store.hpp"
#include "verify/leasing_store.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/verify/conformance/store.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope;
using namespace podscope::verify;
using namespace verify_test;

using memory = basic_memory<store_kit_schema>;
using journal = basic_journal<store_kit_schema, durability::process>;

constexpr std::string_view outlives = "what was acknowledged outlives the process that wrote it";

// Where a store fails once, counted over all its handles and processes.
struct one_failure {
    std::optional<step> where{}; // nothing: when it is opened
    std::uint64_t number{};
    fault what = faults::fails();
    std::shared_ptr<podscope_test::shared<std::atomic<std::uint64_t>>> count =
        std::make_shared<podscope_test::shared<std::atomic<std::uint64_t>>>();

    result<void> take() const { return ++**count == number ? what() : result<void>{}; }

    bool has_come() const { return **count >= number; }

    fault_plan plan() const {
        fault_plan made;
        if (where) {
            made.from(*where, 1, [*this] { return take(); });
        }
        return made;
    }

    template <class Store>
    result<Store> opened(Store store) const {
        if (auto done = where ? result<void>{} : take(); !done) {
            return fail(done);
        }
        return store;
    }
};

// Declares all promises but the one that is tried.
template <class Store>
struct failing_store : faulty_backend<Store> {
    using faulty_backend<Store>::faulty_backend;

    static inline std::vector<deviation> deviations{};
};

struct in_memory {
    one_failure failure;
    memory store{};
    std::shared_ptr<flawed_past> past = std::make_shared<flawed_past>();

    auto open() {
        return failure.opened(failing_store<flawed_store<memory>>{
            flawed_store<memory>{flaw::none, store, past}, failure.plan()});
    }
};

struct in_journal {
    one_failure failure;
    podscope_test::temporary_folder folder{};
    std::shared_ptr<flawed_past> past = std::make_shared<flawed_past>();

    auto open() {
        return failure.opened(failing_store<flawed_store<journal>>{
            flawed_store<journal>{flaw::none, journal::open(folder / "s").value(), past},
            failure.plan()});
    }
};

struct in_leasing_journal {
    one_failure failure;
    podscope_test::temporary_folder folder{};

    auto open() {
        return failure.opened(failing_store<leasing_store<journal>>{
            leasing_store<journal>{lease_flaw::none, journal::open(folder / "s").value()},
            failure.plan()});
    }
};

// Who waits for what never comes does so for longer than a test may take.
template <class Place>
conformance_report report_on(const one_failure& failure) {
    return check_store([&] { return Place{failure}; },
                       {.patience = std::chrono::hours{1}, .rounds = 1});
}

// Within a transaction there may be thousands.
std::uint64_t next(const one_failure& failure) {
    const bool is_transaction =
        !failure.where || *failure.where == step::read || *failure.where == step::write;
    return failure.number + (is_transaction ? 1 : 1 + failure.number / 8);
}

// The process that is killed at any moment may be so when it has failed a second time, and then
// nobody can know.
bool is_by_chance(std::string_view promise, const one_failure& failure) {
    constexpr std::array by_the_killed{step::write, step::put, step::commit, step::committed};
    return promise == outlives && failure.where && failure.number > 1 &&
           std::ranges::find(by_the_killed, *failure.where) != by_the_killed.end();
}

template <class Place>
void check_each_failure(std::string_view name) {
    using enum step;
    using kind = std::optional<step>;
    for (const auto where : {kind{}, kind{read}, kind{write}, kind{get}, kind{scan}, kind{put},
                             kind{erase}, kind{commit}, kind{committed}}) {
        for (one_failure failure{where, 1}; !is_by_chance(name, failure);
             failure = one_failure{where, next(failure)}) {
            const auto report = report_on<Place>(failure);
            if (!failure.has_come()) {
                break;
            }
            CAPTURE(name, where ? static_cast<int>(*where) : -1, failure.number, report.to_text());
            CHECK(report.names(standing::broken) == std::vector{std::string{name}});
            const auto found = std::ranges::find(report.promises, name, &promise::name);
            CHECK(found->shown.find("failed, as planned") != std::string::npos);
        }
    }
}

// Each promise by itself, while all others are declared.
template <class Place, class Check>
void with_each(const std::vector<std::string>& names, Check check) {
    auto& declared = conformance::plug_in_of<Place>::deviations;
    const auto all = report_on<Place>({}).promises;
    for (const auto& name : names) {
        for (const auto& other : all) {
            if (other.name != name) {
                declared.push_back({other.name, "it is not tried now"});
            }
        }
        check(name);
        declared.clear();
    }
}

template <class Place>
void check_failures_of(const std::vector<std::string>& names) {
    with_each<Place>(names, check_each_failure<Place>);
}

template <class Place>
std::vector<std::string> held_by() {
    return report_on<Place>({}).names(standing::held);
}

} // namespace

TEST_CASE("F12 F42 a store that fails once is told from one that breaks its word",
          "[concurrent][slow]") {
    const auto names = held_by<in_memory>();
    REQUIRE(names.size() > 20);
    check_failures_of<in_memory>(names);
}

TEST_CASE("F12 F42 a store that fails once among processes is told from one that breaks its word",
          "[concurrent][slow]") {
    auto names = held_by<in_journal>();
    for (const auto& known : held_by<in_memory>()) {
        std::erase(names, known);
    }
    REQUIRE(names.size() > 5);
    check_failures_of<in_journal>(names);
}

TEST_CASE("F12 F42 a store that fails once is told from one whose leases break its word",
          "[concurrent][slow]") {
    check_failures_of<in_leasing_journal>(
        {"a row hangs on what it was put on and on nothing after a put",
         "all that hangs on a dead process's lease goes at one moment and nothing else"});
}

TEST_CASE("F12 F42 what a store does besides failing is told as it is", "[concurrent]") {
    const auto check = [](const conformance_report& report, const std::string& name,
                          std::string_view shown) {
        CAPTURE(report.to_text());
        CHECK(report.names(standing::broken) == std::vector{name});
        CHECK(report.to_text().find(shown) != std::string::npos);
    };
    with_each<in_memory>({"a row is there after it was put and not before"}, [&](auto& name) {
        const fault throws = []() -> result<void> { throw 1; };
        check(report_on<in_memory>({step::write, 1, throws}), name,
              "it threw what is no std::exception");
    });
    // Nobody writes but the others.
    with_each<in_journal>({"processes that write at once lose nothing"}, [&](auto& name) {
        check(report_on<in_journal>({step::write, 1, faults::kills()}), name,
              "the other process died by itself");
    });
    with_each<in_journal>({"processes see each other's commits"}, [&](auto& name) {
        check(report_on<in_journal>({step::put, 1, faults::kills()}), name,
              "the other process died by itself");
    });
}
