// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/error.hpp>
#include <podscope/pod/toml_nesting.hpp>

#include <cstddef>
#include <string_view>

using podscope::text_position;
using podscope::pod_detail::toml_nesting;

namespace {

std::size_t depth_of(std::string_view text) {
    std::size_t depth = 0;
    while (toml_nesting{text}.deeper_than(depth)) {
        ++depth;
        REQUIRE(depth <= text.size());
    }
    return depth;
}

} // namespace

TEST_CASE("F38 each dot of a key and each open bracket is a level", "[pod][toml]") {
    CHECK(depth_of("") == 0);
    CHECK(depth_of("a = 1") == 0);
    CHECK(depth_of("a.b.c = 1") == 2);
    CHECK(depth_of("[a]") == 1);
    CHECK(depth_of("[a.b]") == 2);
    CHECK(depth_of("[[a.b]]") == 3);
    CHECK(depth_of("a = [[[]]]") == 3);
    CHECK(depth_of("a.b = { c.d.e = [] }") == 3);
    CHECK(depth_of("'a' = ['[', \"[]\", '', '''[''', ']'] # [[") == 1);
}

TEST_CASE("F38 a level ends with what it stood in", "[pod][toml]") {
    CHECK(depth_of("a.b = 1\nc.d = 2") == 1);
    CHECK(depth_of("a = 1.5\nb.c = 2") == 1);
    CHECK(depth_of("a = [1.5, [2.5, 3.5]]") == 3);
    CHECK(depth_of("a = { b.c = 1, d.e = 2 }") == 2);
    CHECK(depth_of("[a.b]\n[c.d]\ne.f = [[]]") == 2);
    CHECK(depth_of("a = [[], [], []]\nb = [[]]") == 2);
}

TEST_CASE("F38 a bracket that closes nothing opens nothing either", "[pod][toml]") {
    CHECK(depth_of("]") == 0);
    CHECK(depth_of("}") == 0);
    CHECK(depth_of("a = 1 ]]\n[b]") == 1);
}

TEST_CASE("F38 what nests too deep is found where it does", "[pod][toml]") {
    CHECK(toml_nesting{"a = [\n  [],\n  [[]]]"}.deeper_than(2) == text_position{3, 4});
    CHECK(toml_nesting{"a = '''\n'''\nb.c = 1"}.deeper_than(0) == text_position{3, 2});
}

TEST_CASE("F38 a string that does not end hides the rest of the text", "[pod][toml]") {
    for (const std::string_view text :
         {"a = '", "a = \"", "a = '[", "a = \"\\", "a = '''", "a = \"\"\"", "a = '''[",
          "a = '''[''", "a = \"\"\"[\\", "a = \"\"\"[\n[\n"}) {
        CAPTURE(text);
        CHECK(depth_of(text) == 0);
    }
}
