// SPDX-License-Identifier: BSL-1.0
// Writes to a watched etcd that read nothing: they bet on what the last one has left.
#include "backend/etcd_handle.hpp"
#include "backend/etcd_raw.hpp"
#include "backend/etcd_wire.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/base64.hpp>
#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/backend/etcd_layout.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::errc;
using podscope::etcd_backend;
using podscope::etcd_reader;
using podscope::etcd_writer;
using podscope::fail;
using podscope::result;
using podscope::scan;
using podscope_test::etcd_server;
using podscope_test::must;

using row_list = std::vector<std::pair<std::string, std::string>>;

// As a scan of a table has it: it says where it ends.
struct gathered_below {
    std::string prefix{};
    row_list& found;

    [[nodiscard]] bool covers(std::string_view key) const { return key.starts_with(prefix); }

    [[nodiscard]] std::optional<std::string> end() const {
        return podscope::backend_detail::end_of_prefix(prefix);
    }

    scan operator()(std::string_view key, std::string_view value) const {
        found.emplace_back(key, value);
        return scan::next;
    }
};

row_list all_below(const etcd_reader& txn, const std::string& prefix) {
    row_list found;
    must(txn.scan(prefix, gathered_below{prefix, found}));
    return found;
}

// Two handles; the requests of the first, which has a watch, are counted.
struct two_handles {
    etcd_server server{};
    etcd_wire wire{podscope::etcd_over_http()};
    // Far longer than a test, so that nothing is read again meanwhile.
    etcd_backend store = must(
        etcd_backend::open({.endpoints = {server.endpoint()}, .freshness = 1h}, wire.dialler()));
    etcd_backend other = must(etcd_backend::open(
        {.endpoints = {server.endpoint()}, .lease_term = 1h}, podscope::etcd_over_http()));

    // Commits until the watch has begun and heard of all that the other handle has done, and
    // nothing is read by a body that would have to.
    template <class F>
    void settle_by(F&& body) {
        REQUIRE(podscope_test::eventually([&] { return wire.lines() >= 1; }, 20s));
        REQUIRE(podscope_test::eventually(
            [&] { return requests_of([&] { must(store.write(body)); }) == only_a_commit; }, 20s));
    }

    void settle() {
        settle_by([](etcd_writer& txn) -> result<void> {
            must(txn.get("settled"));
            return txn.put("settled", "so");
        });
    }

    static void put(etcd_backend& by, std::string_view key, std::string_view value) {
        must(by.write([&](etcd_writer& txn) { return txn.put(key, value); }));
    }

    [[nodiscard]] etcd_wire::count requests_of(const std::function<void()>& deed) const {
        (void)wire.take_count();
        deed();
        return wire.take_count();
    }

    [[nodiscard]] etcd_wire::count requests_to_add_one(const std::string& key) {
        return requests_of(
            [&] { must(store.write([&](etcd_writer& txn) { return add_one(txn, key); })); });
    }

    [[nodiscard]] row_list now() {
        return must(
            other.read([](etcd_reader& txn) -> result<row_list> { return all_below(txn, ""); }));
    }

    static constexpr etcd_wire::count only_a_commit{0, 1, 0};
    static constexpr etcd_wire::count as_without_a_watch{1, 1, 0};
    // One commit that was refused, and then as without.
    static constexpr etcd_wire::count lost_bet{1, 2, 0};
};

} // namespace

TEST_CASE(
    "a write to a watched etcd reads nothing of what the last one has left, or of what is new",
    "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle();
    CHECK(here.requests_to_add_one("new") == here.only_a_commit);
    CHECK(here.requests_to_add_one("new") == here.only_a_commit);
    int added = 0;
    const auto add_below = [&](const std::string& prefix, row_list& seen) {
        const auto name = prefix + std::to_string(added++);
        return here.requests_of([&] {
            must(here.store.write([&](etcd_writer& txn) -> result<void> {
                seen = all_below(txn, prefix);
                must(txn.put(name, "1"));
                // As it will be, not as it was.
                CHECK(all_below(txn, prefix).size() == seen.size() + 1);
                return {};
            }));
        });
    };
    row_list seen;
    CHECK(add_below("dir/", seen) == here.only_a_commit);
    CHECK(seen.empty());
    CHECK(add_below("dir/", seen) == here.only_a_commit);
    CHECK(seen == row_list{{"dir/0", "1"}});
    CHECK(here.requests_of([&] {
        must(here.store.write([&](etcd_writer& txn) -> result<void> {
            must(txn.erase("dir/0"));
            CHECK(all_below(txn, "dir/") == row_list{{"dir/1", "1"}});
            return {};
        }));
    }) == here.only_a_commit);
    CHECK(add_below("dir/", seen) == here.only_a_commit);
    CHECK(seen == row_list{{"dir/1", "1"}});
    // The last one knows nothing of it, and it is not new.
    CHECK(here.requests_to_add_one("new") == here.as_without_a_watch);
    CHECK(add_below("dir/", seen) == here.as_without_a_watch);
    CHECK(
        here.now() ==
        row_list{{"dir/1", "1"}, {"dir/2", "1"}, {"dir/3", "1"}, {"new", "3"}, {"settled", "so"}});
}

TEST_CASE("I1 a write to a watched etcd that has bet on what is so no more is not committed",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    must(here.other.write([](etcd_writer& txn) { return txn.put_leased("f", "old"); }));
    here.put(here.other, "b", "old");
    here.put(here.other, "d", "old");
    here.settle_by([&](etcd_writer& txn) -> result<void> {
        (void)all_below(txn, "");
        return txn.put("settled", "so");
    });
    // While the body is run for the first time.
    std::function<void()> meanwhile;
    const auto erase = [&](std::string_view key) {
        must(here.other.write([&](etcd_writer& txn) { return txn.erase(key); }));
    };
    SECTION("a row was changed") {
        meanwhile = [&] { here.put(here.other, "b", "new"); };
    }
    SECTION("a row was put as it was") {
        meanwhile = [&] { here.put(here.other, "b", "old"); };
    }
    SECTION("a row was erased") {
        meanwhile = [&] { erase("d"); };
    }
    SECTION("a row was put in front") {
        meanwhile = [&] { here.put(here.other, "a", "new"); };
    }
    SECTION("a row was put between") {
        meanwhile = [&] { here.put(here.other, "c", "new"); };
    }
    SECTION("a row was put behind") {
        meanwhile = [&] { here.put(here.other, "z", "new"); };
    }
    SECTION("a row has gone with its lease, and nobody has committed") {
        meanwhile = [&] {
            raw_etcd raw{here.server.endpoint()};
            raw.end(raw.lease_of(
                podscope::backend_detail::etcd_layout{podscope::etcd_options{}.prefix}.rows + "f"));
        };
    }
    int runs = 0;
    row_list seen;
    CHECK(here.requests_of([&] {
        must(here.store.write([&](etcd_writer& txn) -> result<void> {
            if (++runs == 1) {
                meanwhile();
            }
            seen = all_below(txn, "");
            return txn.put("written", "by run " + std::to_string(runs));
        }));
    }) == here.lost_bet);
    auto expected = seen;
    expected.emplace_back("written", "by run " + std::to_string(runs));
    std::ranges::sort(expected);
    CHECK(here.now() == expected);
    // What has come between is known now.
    CHECK(here.requests_of([&] {
        must(here.store.write([&](etcd_writer& txn) -> result<void> {
            CHECK(all_below(txn, "") == expected);
            return txn.put("written", "at last");
        }));
    }) != here.lost_bet);
}

TEST_CASE("a row in etcd that was never seen is taken for none once, and not for long", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.put(here.other, "dir/1", "1");
    here.put(here.other, "hidden", "1");
    here.settle();
    CHECK(here.requests_to_add_one("hidden") == here.lost_bet);
    here.settle();
    CHECK(here.requests_to_add_one("hidden") == here.as_without_a_watch);

    const auto count_below = [&](const std::string& prefix) {
        return here.requests_of([&] {
            must(here.store.write([&](etcd_writer& txn) {
                return txn.put("rows", std::to_string(all_below(txn, prefix).size()));
            }));
        });
    };
    here.settle();
    CHECK(count_below("dir/") == here.lost_bet);
    here.settle();
    CHECK(count_below("dir/") == here.as_without_a_watch);
    CHECK(here.now() ==
          row_list{{"dir/1", "1"}, {"hidden", "3"}, {"rows", "1"}, {"settled", "so"}});
}

TEST_CASE("a bet on etcd is refused by the first comparison if anybody has committed", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle();
    const auto clock = podscope::backend_detail::etcd_layout{podscope::etcd_options{}.prefix}.clock;
    std::vector<std::string> commits;
    here.wire.meddle_with_commits([&](const podscope::etcd_call& call, const auto& pass) {
        commits.emplace_back(call.body);
        return pass();
    });
    CHECK(here.requests_of([&] {
        must(here.store.write([&](etcd_writer& txn) -> result<void> {
            must(txn.get("row"));
            return txn.put("seen", std::to_string(all_below(txn, "dir/").size()));
        }));
    }) == here.only_a_commit);
    REQUIRE(commits.size() == 1);
    const auto first = R"({"compare":[{"target":"MOD","result":"LESS","key":")" +
                       podscope::backend_detail::to_base64(clock) + '"';
    CHECK(commits.front().starts_with(first));
}

TEST_CASE("nothing is bet on etcd once the watch has heard of somebody else's commit", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle();
    // What it hears of first may be a commit of its own.
    REQUIRE(podscope_test::eventually(
        [&] {
            const auto before = here.store.generation();
            here.put(here.other, "elsewhere", "1");
            return podscope_test::eventually([&] { return here.store.generation() != before; }) &&
                   here.requests_to_add_one("new") == here.as_without_a_watch;
        },
        20s));
    CHECK(here.requests_to_add_one("new") == here.only_a_commit);
}

TEST_CASE("nothing is bet on the rest of all that there is in etcd", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle();
    // From one key on to the end, which may be many rows.
    CHECK(here.requests_of([&] {
        must(here.store.write([&](etcd_writer& txn) -> result<void> {
            row_list found;
            must(txn.scan("t", [&](std::string_view key, std::string_view value) {
                found.emplace_back(key, value);
                return scan::stop;
            }));
            return txn.put("rows", std::to_string(found.size()));
        }));
    }) == here.as_without_a_watch);
}

TEST_CASE("nothing is bet in etcd that takes more comparisons than it has operations", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    const auto add_to_many = [&] {
        must(here.store.write([](etcd_writer& txn) -> result<void> {
            for (int i = 0; i != 130; ++i) {
                must(txn.get("row " + std::to_string(i)));
            }
            must(add_one(txn, "row 7"));
            return {};
        }));
    };
    here.settle();
    CHECK(here.requests_of(add_to_many).commits == 1);
    // The other one comes between with what only a comparison of that row can tell.
    here.put(here.other, "row 8", "1");
    here.settle();
    CHECK(here.requests_of(add_to_many).commits == 1);
    CHECK(here.now() == row_list{{"row 7", "2"}, {"row 8", "1"}, {"settled", "so"}});
}

TEST_CASE("nobody hears what a bet has come to that does not commit", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle_by([](etcd_writer& txn) -> result<void> {
        must(txn.get("state"));
        return txn.put("state", "closed");
    });
    int runs = 0;
    const auto open_meanwhile = [&] {
        if (++runs == 1) {
            here.put(here.other, "state", "open");
        }
    };
    SECTION("an error") {
        const auto done = here.store.write([&](etcd_writer& txn) -> result<void> {
            open_meanwhile();
            return must(txn.get("state")).value() == "open"
                       ? txn.put("entered", "yes")
                       : fail({.category = errc::denied, .message = "it is closed"});
        });
        CHECK(done.has_value());
        CHECK(here.now() == row_list{{"entered", "yes"}, {"state", "open"}});
    }
    SECTION("that there is nothing to do") {
        CHECK(must(here.store.write([&](etcd_writer& txn) -> result<std::string> {
                  open_meanwhile();
                  return must(txn.get("state")).value();
              })) == "open");
    }
}

TEST_CASE("F45 F48 a bet whose answer was lost or nonsense took place once or not at all",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle_by([](etcd_writer& txn) { return add_one(txn, "n"); });
    const int before = std::stoi(here.now().front().second);
    const bool took_place = GENERATE(true, false);
    const bool is_won = GENERATE(true, false);
    const bool is_nonsense = GENERATE(true, false);
    CAPTURE(took_place, is_won, is_nonsense);
    int commits = 0;
    here.wire.meddle_with_commits(
        [&](const auto&, const auto& pass) -> result<podscope::etcd_reply> {
            if (++commits != 1) {
                return pass();
            }
            if (!is_won) {
                here.put(here.other, "come between", "1");
            }
            if (took_place) {
                must(pass());
            }
            return is_nonsense ? result<podscope::etcd_reply>{{200, "{}"}} : etcd_wire::lost();
        });
    must(here.store.write([](etcd_writer& txn) { return add_one(txn, "n"); }));
    here.wire.meddle({});
    CHECK(commits == (took_place && is_won ? 1 : 2));
    CHECK(here.now().back() ==
          std::pair<std::string, std::string>{"n", std::to_string(before + 1)});
    CHECK(here.requests_to_add_one("n").others == 0);
    CHECK(here.now().back().second == std::to_string(before + 2));
}

TEST_CASE("a scan in etcd sees what its own transaction has put as far as it asks, and no further",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    auto store =
        must(etcd_backend::open({.endpoints = {server.endpoint()}}, podscope::etcd_over_http()));
    const auto found = must(store.write([](etcd_writer& txn) -> result<row_list> {
        for (const auto* key : {"a", "b/1", "c"}) {
            must(txn.put(key, "mine"));
        }
        return all_below(txn, "b/");
    }));
    CHECK(found == row_list{{"b/1", "mine"}});
}

TEST_CASE("F45 a bet of which nothing is heard any more is in doubt", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle_by([](etcd_writer& txn) { return add_one(txn, "n"); });
    here.wire.meddle([](const podscope::etcd_call& call, const auto& pass) {
        return call.path == "/v3/kv/txn" ? result<podscope::etcd_reply>{{502, "Bad Gateway"}}
                                         : pass();
    });
    const auto done = here.store.write([](etcd_writer& txn) { return add_one(txn, "n"); });
    REQUIRE_FALSE(done);
    CHECK(done.error().system == podscope::etcd_errc::in_doubt);
    here.wire.meddle({});
    must(here.store.write([](etcd_writer& txn) { return add_one(txn, "n"); }));
}

TEST_CASE("I5 threads and handles that count in a watched etcd lose nothing",
          "[etcd][concurrent]") {
    PODSCOPE_NEEDS_ETCD();
    two_handles here;
    here.settle();
    constexpr int each = 40;
    // Each adds a row and looks whether there are as many as the count says.
    std::atomic<int> wrong{0};
    const auto count = [&](etcd_backend by, const std::string& name) {
        for (int i = 0; i != each; ++i) {
            must(by.write([&](etcd_writer& txn) -> result<void> {
                const auto seen = all_below(txn, "row/").size();
                const auto counted = must(txn.get("counted"));
                must(txn.put("as seen", std::to_string(seen) + " " + counted.value_or("0")));
                must(txn.put("row/" + name + std::to_string(i), "1"));
                must(add_one(txn, "counted"));
                return {};
            }));
            const auto is_right = must(by.read([](etcd_reader& txn) -> result<bool> {
                const auto counted = must(txn.get("counted")).value();
                return counted == std::to_string(all_below(txn, "row/").size()) &&
                       must(txn.get("as seen")) == std::to_string(std::stoi(counted) - 1) + " " +
                                                       std::to_string(std::stoi(counted) - 1);
            }));
            wrong += is_right ? 0 : 1;
        }
    };
    {
        std::jthread one{count, here.store, "a"};
        std::jthread two{count, here.store, "b"};
        std::jthread three{count, here.other, "c"};
    }
    CHECK(wrong == 0);
    CHECK(must(here.other.read([](etcd_reader& txn) { return txn.get("counted"); })) ==
          std::to_string(3 * each));
}
