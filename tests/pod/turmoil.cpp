// SPDX-License-Identifier: BSL-1.0
// Real processes that do this and that with pods of their own and of others, and are killed in the
// middle of it, while the test looks at what is stored: the invariants hold at every moment, and
// not only when an operation is over.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/forked.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;
namespace tables = podscope::tables;

using runtime = podscope::basic_runtime<system_parts<in_journal>>;
using pod = podscope::basic_pod<system_parts<in_journal>>;

/// A text in shared memory, for one writer and one reader at a time.
class slip {
public:
    void put(std::string_view text) {
        if (!busy_.exchange(true)) {
            length_ = std::min(text.size(), text_.size());
            std::copy_n(text.begin(), length_, text_.begin());
            full_.store(true);
            busy_.store(false);
        }
    }

    std::optional<std::string> take() {
        std::optional<std::string> taken;
        if (full_.load() && !busy_.exchange(true)) {
            if (full_.exchange(false)) {
                taken.emplace(text_.data(), length_);
            }
            busy_.store(false);
        }
        return taken;
    }

private:
    std::atomic<bool> busy_{false};
    std::atomic<bool> full_{false};
    std::size_t length_{0};
    std::array<char, 512> text_{};
};

struct board {
    std::array<slip, 4> grants{}; ///< for whoever takes them up
    slip surprise{};              ///< an error that has no place here
    std::array<std::atomic<int>, 3> steps{};
};

class busybody {
public:
    busybody(const in_journal& backend, board& all, std::size_t number, std::uint64_t seed)
        : library_{system_parts<in_journal>{
              backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {}}},
          board_{&all},
          number_{number},
          random_{seed} {}

    [[noreturn]] void work() {
        for (;;) {
            step();
            board_->steps[number_].fetch_add(1);
        }
    }

private:
    [[nodiscard]] std::size_t pick(std::size_t below) {
        return static_cast<std::size_t>(random_() % below);
    }

    // Few names, so that they meet.
    [[nodiscard]] std::string any_name() { return std::string{"pod "} + std::to_string(pick(9)); }

    [[nodiscard]] std::string any_place() {
        std::string place = "/ws";
        for (auto depth = pick(3); depth != 0; --depth) {
            place += pick(2) == 0 ? "/a" : "/b";
        }
        return place;
    }

    [[nodiscard]] manifest any_manifest() { return writer(any_name(), any_place()); }

    void step() {
        switch (pick(10)) {
        case 0: return keep(library_.create(any_manifest()));
        case 1:
        case 2:
        case 3: return delegate();
        case 4:
            if (const auto text = board_->grants[pick(board_->grants.size())].take()) {
                keep(library_.adopt(*podscope::grant::from_text(*text)));
            }
            return;
        case 5: return with_own([](pod& own) { return own.release(); });
        case 6: return with_own([&](pod& own) { return own.reclaim(any_name()); });
        case 7: return with_own([](pod& own) { return own.reconcile(); });
        case 8:
            if (!own_.empty() && pick(2) == 0) {
                own_.erase(own_.begin() + static_cast<std::ptrdiff_t>(pick(own_.size())));
            }
            return;
        default:
            auto back = library_.restore(any_name());
            if (back) {
                own_.push_back(std::move(back->pod));
            } else {
                expect(back.error());
            }
        }
    }

    void delegate() {
        with_own([&](pod& own) {
            auto grant = own.delegate(any_manifest());
            if (grant && pick(2) == 0) {
                keep(library_.adopt(*grant));
            } else if (grant) {
                board_->grants[pick(board_->grants.size())].put(grant->to_text());
            }
            return grant;
        });
    }

    template <class F>
    void with_own(F&& act) {
        if (own_.empty()) {
            return;
        }
        // Out of the list, which may grow meanwhile.
        const auto at = own_.begin() + static_cast<std::ptrdiff_t>(pick(own_.size()));
        pod one = std::move(*at);
        own_.erase(at);
        const auto done = act(one);
        if (!done) {
            expect(done.error());
        }
        if (one.check("/ws", permission::none)) {
            own_.push_back(std::move(one));
        }
    }

    void keep(podscope::result<pod> got) {
        if (got) {
            own_.push_back(std::move(*got));
        } else {
            expect(got.error());
        }
    }

    void expect(const podscope::error& e) {
        switch (e.category) {
        case errc::conflict:
        case errc::not_within_authority:
        case errc::revoked:
        case errc::unknown_pod:
        case errc::duplicate_name:
        case errc::already_live:
        case errc::stale_epoch:
        case errc::segment_held:
        case errc::segment_pending: return;
        default: board_->surprise.put(to_string(e));
        }
    }

    runtime library_;
    board* board_;
    std::size_t number_;
    std::mt19937_64 random_;
    std::vector<pod> own_{};
};

TEST_CASE("I1 to I11 hold at every moment while processes work and are killed", "[pod][slow]") {
    const reference_universe places{{"ws", "a", "b", "other"}, 5};
    const in_journal backend;
    const shared<board> all;
    std::array<std::unique_ptr<forked_process>, 3> workers;
    std::uint64_t seed = 0;
    const auto start = [&](std::size_t number) {
        workers[number] = std::make_unique<forked_process>([&, number] {
            busybody{backend, *all, number, ++seed}.work();
            return 0;
        });
        ++seed;
    };
    for (std::size_t number = 0; number != workers.size(); ++number) {
        start(number);
    }
    auto store = backend.open();
    std::mt19937_64 random{1};
    std::size_t seen_live = 0;
    for (int round = 0; round != 300; ++round) {
        // Everybody gets somewhere between two looks, however slow the machine.
        const auto number = static_cast<std::size_t>(round) % workers.size();
        const int before = all->steps[number].load();
        const auto until = std::chrono::steady_clock::now() + patience;
        while (all->steps[number].load() < before + 3) {
            REQUIRE(std::chrono::steady_clock::now() < until);
            ::usleep(200);
        }
        const stored_state now{store};
        seen_live += now.of<tables::allocations>().size();
        const auto broken = inspection{now, places}
                                .exclusion()
                                .containment()
                                .agreement({})
                                .no_leak()
                                .one_writer_per_segment()
                                .registry_in_step()
                                .broken();
        CAPTURE(round, broken);
        REQUIRE(broken.empty());
        const auto surprise = all->surprise.take();
        CAPTURE(surprise.value_or(""));
        REQUIRE_FALSE(surprise);
        if (random() % 4 == 0) {
            workers[number]->kill();
            start(number);
        }
    }
    CHECK(seen_live > 300);
    CHECK(stored_state{store}.of<tables::history>().size() > 10);
}

} // namespace
