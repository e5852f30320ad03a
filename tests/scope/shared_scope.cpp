// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/threads.hpp"

#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/shared_scope.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <unistd.h>

using namespace podscope;

namespace {

resource place(const std::string& path) {
    return lexical_path{}.resolve(path).value();
}

deny_layer layer(const std::string& path, epoch granted) {
    return {{place(path), permission::write, true}, delegation_ref{"kid", granted}};
}

// A scope whose parts say whether they belong together: as many allow rules as its number says,
// each with a layer, and one name for the number.
scope scope_numbered(std::uint64_t number) {
    std::vector<scope_rule> allow;
    std::vector<deny_layer> layers;
    for (std::uint64_t i = 0; i <= number % 8; ++i) {
        const auto name = "/n" + std::to_string(number) + "/" + std::to_string(i);
        allow.push_back({place(name), permission::write, true});
        layers.push_back(layer(name + "/x", epoch{number}));
    }
    return scope{allow, layers};
}

std::string inconsistency(const scope& s) {
    if (s.allow().empty())
        return "no rule";
    const auto layers = s.layers();
    if (layers.size() != s.allow().size())
        return "as many layers as rules are missing";
    const auto number = static_cast<std::uint64_t>(layers.front().delegation->granted);
    if (s.allow().size() != number % 8 + 1)
        return "a rule is missing";
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].delegation->granted != epoch{number})
            return "a layer of another scope";
        if (s.permission_at(s.allow()[i].target) != permission::write)
            return "a rule that is not in force";
        if (s.permission_at(layers[i].rule.target) != permission::read)
            return "a layer that is not in force";
    }
    return {};
}

// Threads that read until told to stop, and say what they saw wrong.
class reading_threads {
public:
    template <class Look>
    reading_threads(unsigned count, Look look) : started_{count + 1} {
        for (unsigned i = 0; i < count; ++i)
            threads_.emplace_back([this, look] {
                started_.arrive_and_wait();
                std::uint64_t reads = 0;
                do {
                    if (!look())
                        wrong_.fetch_add(1);
                    ++reads;
                    std::this_thread::yield(); // a machine with few processors
                } while (!stop_.load(std::memory_order_relaxed));
                reads_.fetch_add(reads);
            });
        started_.arrive_and_wait();
    }

    void stop() {
        stop_ = true;
        for (auto& t : threads_)
            t.join();
        threads_.clear();
    }

    ~reading_threads() { stop(); }

    [[nodiscard]] std::uint64_t wrong() const { return wrong_; }

    [[nodiscard]] std::uint64_t reads() const { return reads_; }

private:
    std::barrier<> started_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> wrong_{0};
    std::atomic<std::uint64_t> reads_{0};
    std::vector<std::thread> threads_;
};

} // namespace

static_assert(!std::is_copy_constructible_v<shared_scope> &&
              !std::is_move_constructible_v<shared_scope>);
static_assert(noexcept(std::declval<const shared_scope&>().permission_at(resource{})));
static_assert(noexcept(std::declval<shared_scope&>().replace(scope{})));

TEST_CASE("A shared scope gives what was put in last", "[scope]") {
    shared_scope shared;
    CHECK(shared.permission_at(place("/a")) == permission::none);
    for (std::uint64_t n = 1; n < 20; ++n) {
        shared.replace(scope_numbered(n));
        CHECK(shared.read(inconsistency).empty());
        CHECK(shared.snapshot().layers() == scope_numbered(n).layers());
        CHECK(shared.allows(place("/n" + std::to_string(n) + "/0"), permission::write));
        CHECK_FALSE(shared.allows(place("/n" + std::to_string(n) + "/0/x"), permission::write));
        CHECK_FALSE(shared.allows(place("/n" + std::to_string(n - 1) + "/0"), permission::read));
    }
}

TEST_CASE("A shared scope keeps replacements and updates apart in any order", "[scope]") {
    shared_scope shared{scope{{{place("/"), permission::write, true}}}};
    scope expected = shared.snapshot();
    for (std::uint64_t n = 1; n < 60; ++n) {
        if (n % 7 == 0) {
            expected = expected.without({"kid", epoch{n - 3}});
            shared.replace(expected);
        } else if (n % 5 == 0) {
            (void)expected.remove({"kid", epoch{n - 2}});
            shared.update([&](scope& s) { (void)s.remove({"kid", epoch{n - 2}}); });
        } else {
            const std::vector added{layer("/a/" + std::to_string(n), epoch{n})};
            expected.add(added);
            shared.update([&](scope& s) { s.add(added); });
        }
        REQUIRE(shared.snapshot().layers() == expected.layers());
        REQUIRE(shared.snapshot().allow().size() == 1);
        REQUIRE(shared.permission_at(place("/a/" + std::to_string(n))) ==
                expected.permission_at(place("/a/" + std::to_string(n))));
    }
}

TEST_CASE("A change that throws the first time has changed nothing", "[scope]") {
    shared_scope shared{scope_numbered(3)};
    const auto half = [](scope& s) {
        s.add(std::vector{layer("/half", epoch{9})});
        throw std::runtime_error{"no"};
    };
    for (int i = 0; i < 3; ++i) {
        CHECK_THROWS_AS(shared.update(half), std::runtime_error);
        CHECK(shared.snapshot().layers() == scope_numbered(3).layers());
    }
    shared.update([](scope& s) { s.add(std::vector{layer("/whole", epoch{10})}); });
    CHECK(shared.snapshot().layers().size() == scope_numbered(3).layers().size() + 1);
}

TEST_CASE("A change that throws the second time is whole and stays so", "[scope]") {
    shared_scope shared{scope_numbered(3)};
    for (std::uint64_t n = 10; n < 14; ++n) {
        int runs = 0;
        shared.update([&](scope& s) {
            if (++runs == 2)
                throw std::runtime_error{"no"};
            s.add(std::vector{layer("/a", epoch{n})});
        });
        CHECK(runs == 2);
        CHECK(shared.snapshot().layers().size() == scope_numbered(3).layers().size() + n - 9);
    }
}

TEST_CASE("A read that throws has left", "[scope]") {
    shared_scope shared{scope_numbered(3)};
    CHECK_THROWS_AS(shared.read([](const scope&) -> int { throw std::runtime_error{"no"}; }),
                    std::runtime_error);
    shared.replace(scope_numbered(4)); // would wait for ever otherwise
    CHECK(shared.read(inconsistency).empty());
}

TEST_CASE("Readers see one whole scope while another takes its place", "[scope][concurrent]") {
    shared_scope shared{scope_numbered(0)};
    reading_threads readers{3, [&] { return shared.read(inconsistency).empty(); }};
    for (std::uint64_t n = 1; n <= 1'000; ++n)
        shared.replace(scope_numbered(n));
    readers.stop();
    CHECK(readers.wrong() == 0);
    CHECK(readers.reads() > 0);
    CHECK(shared.snapshot().layers() == scope_numbered(1'000).layers());
}

// Each update removes a pair of layers and adds the next pair: a reader that sees one of them
// sees the other.
TEST_CASE("Readers see an update whole or not at all", "[scope][concurrent]") {
    const auto pair = [](std::uint64_t n) {
        const auto name = std::to_string(n % 4);
        return std::vector{layer("/left/" + name, epoch{n}), layer("/right/" + name, epoch{n})};
    };
    shared_scope shared{scope{{{place("/"), permission::write, true}}, pair(0)}};
    const std::vector lefts{place("/left/0"), place("/left/1"), place("/left/2"), place("/left/3")};
    const std::vector rights{place("/right/0"), place("/right/1"), place("/right/2"),
                             place("/right/3")};
    reading_threads readers{3, [&] {
                                return shared.read([&](const scope& s) {
                                    unsigned denied = 0;
                                    for (std::size_t i = 0; i < lefts.size(); ++i) {
                                        const auto left = s.permission_at(lefts[i]);
                                        if (left != s.permission_at(rights[i]))
                                            return false;
                                        denied += left == permission::read ? 1U : 0U;
                                    }
                                    return denied == 1;
                                });
                            }};
    for (std::uint64_t n = 1; n <= 1'000; ++n) {
        shared.update([&](scope& s) {
            (void)s.remove({"kid", epoch{n - 1}});
            s.add(pair(n));
        });
    }
    readers.stop();
    CHECK(readers.wrong() == 0);
    CHECK(readers.reads() > 0);
}

TEST_CASE("Writers take turns and none loses another's change", "[scope][concurrent]") {
    shared_scope shared{scope{{{place("/"), permission::write, true}}}};
    constexpr std::uint64_t writers = 4;
    constexpr std::uint64_t each = 200;
    std::vector<std::thread> threads;
    for (std::uint64_t w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            for (std::uint64_t i = 0; i < each; ++i)
                shared.update([&](scope& s) {
                    s.add(std::vector{layer("/w" + std::to_string(w), epoch{w * each + i})});
                });
        });
    for (auto& t : threads)
        t.join();
    CHECK(shared.snapshot().layers().size() == writers * each);
}

TEST_CASE("A change returns only when the reads before it are over", "[scope][concurrent]") {
    shared_scope shared{scope_numbered(1)};
    std::atomic<bool> inside{false};
    std::atomic<bool> go{false};
    std::atomic<bool> replaced{false};
    std::string seen = "not read";
    std::thread reader{[&] {
        shared.read([&](const scope& s) {
            inside = true;
            inside.notify_all();
            go.wait(false);
            CHECK_FALSE(replaced);
            seen = inconsistency(s);
            return 0;
        });
    }};
    inside.wait(false);
    std::thread writer{[&] {
        shared.replace(scope_numbered(2));
        replaced = true;
    }};
    // The new scope is there for others, though its writer still waits for the old one's reader.
    while (!shared.allows(place("/n2/0"), permission::write))
        std::this_thread::yield();
    CHECK_FALSE(replaced);
    go = true;
    go.notify_all();
    reader.join();
    writer.join();
    CHECK(replaced);
    CHECK(seen.empty());
}

TEST_CASE("A writer's wait ends though there is always somebody who reads", "[scope][concurrent]") {
    using visit = reader_count::visit;
    reader_count readers;
    std::atomic<bool> is_over{false};
    auto present = std::make_unique<visit>(readers);
    std::thread writer{[&] {
        readers.wait_until_left();
        is_over = true;
    }};
    // Each comes before the one before it has left.
    CHECK(podscope_test::eventually([&] {
        present = std::make_unique<visit>(readers);
        return is_over.load();
    }));
    present.reset();
    writer.join();
}

TEST_CASE("A writer who waits for long leaves the processor to who is waited for",
          "[scope][concurrent]") {
    reader_count readers;
    auto present = std::make_unique<reader_count::visit>(readers);
    std::atomic<int> id{0};
    std::thread writer{[&] {
        id = ::gettid();
        readers.wait_until_left();
    }};
    // A thread that only yields is never asleep.
    CHECK(podscope_test::eventually([&] { return id != 0 && podscope_test::is_asleep(id); }));
    present.reset();
    writer.join();
}

TEST_CASE("More threads than there are counters read side by side", "[scope][concurrent]") {
    shared_scope shared{scope_numbered(0)};
    reading_threads readers{20, [&] { return shared.read(inconsistency).empty(); }};
    for (std::uint64_t n = 1; n <= 10; ++n)
        shared.replace(scope_numbered(n));
    readers.stop();
    CHECK(readers.wrong() == 0);
}
