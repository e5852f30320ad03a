// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/scarce_memory.hpp"

#include <podscope/result.hpp>

#include <cstddef>
#include <exception>
#include <string>

using namespace podscope;
using namespace podscope_test;

#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW

namespace {

struct talkative final : std::exception {
    [[nodiscard]] const char* what() const noexcept override {
        return "a reason so long that a string of it takes memory";
    }
};

} // namespace

TEST_CASE("F15 what is thrown is an error, though memory runs out for its reason") {
    const auto failures = with_each_allocation_failing([](std::size_t room) {
        const auto failed = [&] {
            const scarcity now{room};
            return guarded([]() -> result<void> { throw talkative{}; });
        }();
        REQUIRE_FALSE(failed.has_value());
        const bool is_told =
            failed.error().message == std::string{"a plug-in threw: "} + talkative{}.what();
        CHECK(failed.error().category == (is_told ? errc::unavailable : errc::out_of_memory));
        return is_told;
    });
    CHECK(failures > 0);
}

#endif
