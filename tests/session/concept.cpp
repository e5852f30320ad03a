// SPDX-License-Identifier: BSL-1.0
// Every session store of the library keeps the promises of one.
#include "session/stores.hpp"

#include <podscope/session/checks.hpp>
#include <podscope/verify/conformance/catch2.hpp>
#include <podscope/verify/conformance/sessions.hpp>

#include <stdexcept>
#include <string>
#include <tuple>

using namespace podscope;
using namespace podscope_test;

namespace {

using stores = std::tuple<in_memory, in_files>;

template <class Stores>
struct place {
    Stores made{};

    auto open() { return made.sessions; }
};

} // namespace

TEMPLATE_LIST_TEST_CASE("F40 F42 a session store keeps all that session stores promise",
                        "[session][concurrent]",
                        stores) {
    PODSCOPE_CHECK_PROMISES(verify::check_session_store([] { return place<TestType>{}; }));
}

TEMPLATE_LIST_TEST_CASE("The ids of segments are safe as names of files", "[session]", stores) {
    TestType made;
    REQUIRE(is_segment_id(value_of(made.sessions.create({}))));
}

TEMPLATE_LIST_TEST_CASE("What a visitor throws comes out as an error", "[session]", stores) {
    TestType made;
    const auto id = value_of(made.sessions.create({}));
    value_of(made.sessions.append(id, {"k", "b"}));
    const auto thrown =
        error_of(made.sessions.read(id, 0, [](std::uint64_t, const session_entry&) -> scan {
            throw std::runtime_error{"why"};
        }));
    REQUIRE(thrown.category == errc::unavailable);
    REQUIRE(thrown.message == "a plug-in threw: why");
    REQUIRE(value_of(made.sessions.append(id, {"k", "b"})) == 1);
}
