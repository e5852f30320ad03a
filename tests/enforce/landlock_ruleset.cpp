// SPDX-License-Identifier: BSL-1.0
#include "enforce/confined.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/enforce/landlock_ruleset.hpp>

#include <cerrno>

using namespace podscope_test;
using podscope::errc;
namespace landlock = podscope::enforce::landlock;

TEST_CASE("A right is asked for only where the kernel's ABI knows it", "[enforce]") {
    CHECK(landlock::rights_of(0) == 0);
    STATIC_REQUIRE(landlock::rights_of(1) == 0x1FFF);
    STATIC_REQUIRE(landlock::rights_of(2) == 0x3FFF);
    STATIC_REQUIRE(landlock::rights_of(3) == 0x7FFF);
    STATIC_REQUIRE(landlock::rights_of(4) == 0x7FFF);
    STATIC_REQUIRE(landlock::rights_of(5) == 0xFFFF);
    STATIC_REQUIRE(landlock::rights_of(99) == 0xFFFF);
    STATIC_REQUIRE((landlock::writing & (landlock::make_block | landlock::make_char)) == 0);
}

TEST_CASE("A ruleset with rights that the kernel does not know is refused", "[enforce]") {
    CHECK(why_not(landlock::ruleset::watching_over(1ULL << 62U)) == errc::not_enforceable);
}

TEST_CASE("A thread can be confined again until the kernel says that it is enough", "[enforce]") {
    NEEDS_LANDLOCK();
    temporary_folder root;
    const auto nothing = must(landlock::ruleset::watching_over(landlock::make_dir));
    const auto codes = codes_after(
        [&] {
            for (int i = 0; i != 16; ++i) {
                if (const int code = nothing.restrict_self(); code != 0) {
                    return code;
                }
            }
            return 0;
        },
        {[&] { return nothing.restrict_self(); }, [&] { return try_make_folder(root / "a"); },
         [&] { return try_write(root / "file"); }});
    CHECK(codes == std::vector{E2BIG, EACCES, 0});
}
