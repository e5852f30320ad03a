// SPDX-License-Identifier: BSL-1.0
// Writes the inputs of corpus/ that no person writes by hand: fuzz_make_corpus FOLDER. They are
// what the library makes, in this version of its formats; older ones are kept beside them.
#include "fuzz/scratch.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/file.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace podscope;
using podscope_test::must;

scope_rule rule(const char* target, permission access = permission::write, bool recursive = true) {
    return {must(lexical_path{}.resolve(target)), access, recursive};
}

const process_identity somebody{{0x0123456789abcdef, 0xfedcba9876543210}, 4026531836, 4242, 77777};

const allocation live{.pod = "coder",
                      .owner = somebody,
                      .endpoint = "unix:/run/coder",
                      .allow = {rule("/ws/src"), rule("/ws", permission::read, false)},
                      .delegated_from = "planner",
                      .segment = std::string(32, 'a'),
                      .granted = epoch{2},
                      .adopted = true,
                      .layers_revision = 300,
                      .unknown = {{{"later", std::string{"\4text"}}}}};
const standing_layer layer{{rule("/ws/src/lib"), delegation_ref{"helper", epoch{3}}}, {}};
const standing_layer base_layer{{rule("/ws/src/.git"), {}}, {}};
const pod_record record{
    "coder",
    std::string(32, 'a'),
    {{rule("/ws/src")}, {rule("/ws/src/.git")}, {}, when_unreachable::keep, "mends the parser", {}},
    "planner",
    epoch{2},
    std::vector<std::string>{"reviewer"},
    1'700'000'000'000,
    {}};
const delegation handed{"helper", epoch{3}, {rule("/ws/src/lib")}, when_unreachable::fence, {}};
const ended_delegation ended{
    "helper", "coder", epoch{3}, {rule("/ws/src/lib")}, end_reason::missing, -1, {}};
const notification told{.id = "id-1",
                        .sequence = 1,
                        .what = event::ended,
                        .pod = "coder",
                        .child = "helper",
                        .delegator = "coder",
                        .reason = end_reason::missing,
                        .granted = epoch{3},
                        .at_ms = 1'700'000'000'000,
                        .rules = {rule("/ws/src/lib")}};

class corpus {
public:
    explicit corpus(std::string folder) : folder_{std::move(folder)} {}

    void add(const std::string& target, const std::string& name, std::string_view bytes) const {
        std::filesystem::create_directories(folder_ + "/" + target);
        fuzz::set_bytes(folder_ + "/" + target + "/" + name, bytes);
    }

private:
    std::string folder_;
};

// One for each table, in the order of pod_schema, with its number in front.
void add_records(const corpus& out) {
    char table = 0;
    const auto add = [&](const std::string& name, const auto& one) {
        out.add("codec", name, std::string(1, table) + encode_record(one));
    };
    const auto next = [&](const std::string& name, const auto& one) {
        add(name, one);
        ++table;
    };
    next("allocation", live);
    next("claim", claim{epoch{2}, {}});
    add("base_layer", base_layer);
    next("layer", layer);
    next("child", child_link{"helper", {}});
    next("segment", segment_hold{"coder", epoch{2}, {}});
    next("pod", record);
    next("delegation", handed);
    next("ended", ended);
    next("notification", told);
    next("counter", counter{~std::uint64_t{0}, {}});
}

void fill(auto& store) {
    const auto put_all = [](auto& txn) -> result<void> {
        auto done = txn.template put<tables::allocations>("coder", live);
        (void)(done && (done = txn.template put<tables::layers>("coder", layer)));
        (void)(done && (done = txn.template put<tables::pods>("coder", record)));
        (void)(done && (done = txn.template put<tables::delegations>("coder", handed)));
        return done;
    };
    must(store.write(put_all));
    must(store.write([](auto& txn) { return txn.template erase<tables::layers>("coder"); }));
    must(store.write([](auto& txn) { return txn.template put<tables::outbox>("id-1", told); }));
}

void add_journals(const corpus& out) {
    using store = basic_journal<pod_schema, durability::process>;
    const auto made = [](const journal_options& options, bool delayed, auto&& work) {
        const podscope_test::temporary_folder place;
        auto opened = must(store::open(place / "store", options));
        work(opened);
        if (delayed) {
            must(opened.write_delayed(
                [](auto& txn) { return txn.template put<tables::history>("coder", ended); }));
            fill(opened);
        }
        return fuzz::bytes_of(place / "store/journal");
    };
    const auto nothing = [](auto&) {};
    const auto all = [](auto& opened) { fill(opened); };
    out.add("journal", "empty", "");
    out.add("journal", "header", made({}, false, nothing));
    const auto three = made({}, false, all);
    out.add("journal", "three", three);
    out.add("journal", "torn", std::string_view{three}.substr(0, three.size() - 9));
    out.add("journal", "room", three + std::string(200, '\0'));
    out.add("journal", "delayed", made({}, true, all));
    out.add("journal", "compacted", made({.compact_above = 0, .compact_factor = 0}, false, all));
    out.add("journal", "compacted_in_pieces",
            made({.compact_above = 0, .compact_factor = 0, .compact_piece = 1}, true, all));
}

void add_segments(const corpus& out) {
    const podscope_test::temporary_folder place;
    auto sessions = must(file_sessions::open(place / "sessions"));
    const auto id = must(sessions.create({.forked_from = "00ff", .at = 7}));
    const auto file = place / ("sessions/" + id + ".jsonl");
    out.add("session_log", "header", fuzz::bytes_of(file));
    (void)must(sessions.append(id, {"prompt", "say \"hi\"\n\tna\xC3\xAFvely"}));
    (void)must(sessions.append(id, {"", ""}));
    (void)must(sessions.append(id, {"tool", "\xF0\x9F\x98\x80 \x7F\x01"}));
    const auto three = fuzz::bytes_of(file);
    out.add("session_log", "three", three);
    out.add("session_log", "torn", std::string_view{three}.substr(0, three.size() - 4));
}

} // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fputs("usage: fuzz_make_corpus FOLDER\n", stderr);
        return 2;
    }
    try {
        const corpus out{arguments[1]};
        add_records(out);
        add_journals(out);
        add_segments(out);
    } catch (const std::exception& thrown) {
        std::fprintf(stderr, "%s\n", thrown.what());
        return 1;
    }
}
