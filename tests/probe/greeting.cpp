// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "support/catch.hpp"

#include <podscope/probe/greeting.hpp>

#include <limits>
#include <optional>
#include <string>

using namespace podscope;

namespace {

std::optional<verdict>
judge(std::string_view heard, std::string pod = "p", std::uint64_t granted = 7) {
    return probe_detail::judge_greeting(heard, {.pod = std::move(pod), .granted = epoch{granted}});
}

} // namespace

TEST_CASE("a greeting is one line with version and pod and epoch") {
    CHECK(greeting("p", epoch{7}).text() == "podscope 1 p 7\n");
    CHECK(greeting("a b  c", epoch{0}).text() == "podscope 1 a b  c 0\n");
    const std::string longest(255, 'x');
    const greeting most{longest, epoch{std::numeric_limits<std::uint64_t>::max()}};
    CHECK(most.text() == "podscope 1 " + longest + " 18446744073709551615\n");
    CHECK(most.text().size() == greeting::max_length);
}

TEST_CASE("a greeting names one incarnation") {
    CHECK(judge("podscope 1 p 7\n") == verdict::reachable);
    CHECK(judge("podscope 1 p 7\nand more") == verdict::reachable);
    CHECK(judge("podscope 1 a 3 4 7\n", "a 3 4") == verdict::reachable);
    CHECK(judge("podscope 1 p 8\n") == verdict::missing);
    CHECK(judge("podscope 1 p 70\n") == verdict::missing);
    CHECK(judge("podscope 1 q 7\n") == verdict::missing);
    CHECK(judge("podscope 1 p 7 7\n") == verdict::missing);
    const std::string longest(255, 'x');
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    CHECK(judge(greeting(longest, epoch{most}).text(), longest, most) == verdict::reachable);
}

TEST_CASE("what is no greeting is unreachable and never missing") {
    for (const std::string text : {"\n",
                                   "hello",
                                   "podscopf",
                                   "podscope\n",
                                   "podscope \n",
                                   "podscope 1\n",
                                   "podscope 1 \n",
                                   "podscope 1 p\n",
                                   "podscope 1 p \n",
                                   "podscope 1 p x\n",
                                   "podscope 1 p -7\n",
                                   "podscope 1 p 7 \n",
                                   "podscope 1  7\n",
                                   "podscope 1 .. 7\n",
                                   "podscope 1 a/b 7\n",
                                   "podscope 1 p 18446744073709551616\n",
                                   "podscope one p 7\n",
                                   "podscope  p 7\n",
                                   "podscope 1 p 7\r\n",
                                   "HTTP/1.1 400 Bad Request\r\n"}) {
        CAPTURE(text);
        CHECK(judge(text) == verdict::unreachable);
    }
    CHECK(judge("podscope 1 " + std::string(400, 'x')) == verdict::unreachable);
    CHECK(judge(std::string_view{"podscope 1 p\0 7\n", 16}) == verdict::unreachable);
}

TEST_CASE("a later version of the greeting tells nothing") {
    CHECK(judge("podscope 2 p 7\n") == verdict::unknown);
    CHECK(judge("podscope 2\n") == verdict::unknown);
    CHECK(judge("podscope 23 " + std::string(400, 'x')) == verdict::unknown);
}

TEST_CASE("an unfinished greeting decides nothing yet") {
    const std::string whole = "podscope 1 p 7\n";
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(judge(whole.substr(0, length)));
    }
}
