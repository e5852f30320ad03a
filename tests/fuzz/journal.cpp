// SPDX-License-Identifier: BSL-1.0
// The input is a journal's file. What does not open is left as it is (F04, F05); what opens holds
// the same after it was opened again, takes a commit, and holds that too.
#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_inspection.hpp>
#include <podscope/backend/record_text.hpp>
#include <podscope/pod/schema.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

using namespace podscope;
using podscope_test::must;
using store = basic_journal<pod_schema, durability::process>;

// As ./dev journal dump does.
result<journal_summary> inspect(const std::string& file) {
    std::uint64_t behind = 0;
    return inspect_journal(file, [&](const inspected_frame& frame) {
        fuzz::expect(frame.offset >= behind, "frames overlap");
        behind = frame.offset + frame.payload.size();
        const auto show = [](bool, std::string_view, std::string_view, std::string_view record) {
            (void)record_to_text(record);
        };
        fuzz::expect(for_each_operation(frame.payload, show), "a frame that is damaged was shown");
    });
}

/// The rows of a table that come before the first that is damaged, and what is said of that one.
template <class Table>
struct rows {
    std::map<std::string, typename Table::record> whole{};
    std::string damage{};

    friend bool operator==(const rows&, const rows&) = default;
};

template <class Table>
rows<Table> rows_of(const store& from) {
    rows<Table> found;
    const auto read = from.read([&](auto& txn) {
        return txn.template scan<Table>({}, [&](std::string_view key, const auto& record) {
            found.whole.emplace(key, record);
            return scan::next;
        });
    });
    if (!read) {
        fuzz::expect(read.error().category == errc::corrupt ||
                         read.error().category == errc::unsupported_version,
                     "F39 a damaged row has another category");
        found.damage = to_string(read.error());
    }
    return found;
}

template <class... Tables>
auto all_rows(schema<Tables...>, const store& from) {
    return std::tuple{rows_of<Tables>(from)...};
}

using state = decltype(all_rows(pod_schema{}, std::declval<const store&>()));

std::optional<state> state_of(const std::string& folder, std::optional<errc>& why_not) {
    auto opened = store::open(folder);
    if (!opened) {
        why_not = opened.error().category;
        return std::nullopt;
    }
    return all_rows(pod_schema{}, *opened);
}

} // namespace

void fuzz::examine(std::string_view input) {
    static const scratch place;
    const auto folder = place.fresh();
    const auto file = folder + "/journal";
    set_bytes(file, input);
    const auto seen = inspect(file);
    expect(bytes_of(file) == input, "looking into a journal changed it");

    std::optional<errc> why_not;
    auto before = state_of(folder, why_not);
    if (!before) {
        expect(bytes_of(file) == input, "F04 a journal that does not open was changed");
        expect(why_not == errc::corrupt || why_not == errc::unsupported_version,
               "F05 a journal that does not open is neither damaged nor too new");
        return;
    }
    expect(seen.has_value() || input.empty(), "a journal opens that cannot be looked into");
    expect(state_of(folder, why_not) == before, "a journal opened again holds something else");
    const auto after = inspect(file);
    expect(after && !after->is_torn, "F02 a torn end is left behind after the journal was opened");
    expect(!seen || after->sequence == seen->sequence, "what was seen of a journal is gone");

    const counter added{.last = input.size()};
    must(must(store::open(folder)).write([&](auto& txn) {
        return txn.template put<tables::counters>("", added);
    }));
    auto& counters = std::get<rows<tables::counters>>(*before);
    counters.whole.insert_or_assign("", added);
    const auto now = state_of(folder, why_not);
    expect(now.has_value(), "after a commit the journal opens no more");
    expect(std::get<rows<tables::counters>>(*now).whole.at("") == added, "a commit is not there");
    if (counters.damage.empty()) {
        expect(now == before, "a commit changed something else");
    }
}
