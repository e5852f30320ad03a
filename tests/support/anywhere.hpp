// SPDX-License-Identifier: BSL-1.0
// Test cases that are written once, in headers, and played in whatever places a file names that
// includes them: as `places`, a list of backends of configurations.hpp, before it includes the
// first.
#pragma once

#include "support/catch.hpp"
#include "support/effort.hpp"

#include <cstdint>
#include <string>
#include <tuple>

namespace podscope_test {

/// A place that not every machine has: `family` says what it needs, `is_there()` whether that is
/// there, and `tag` is the tag of its tests.
template <class Place>
concept needs_something = requires { Place::is_there(); };

/// How many make a crowd, if so many do in memory: elsewhere as many as go into a commit.
template <class Place>
[[nodiscard]] std::uint64_t crowd_in(std::uint64_t in_memory_only) {
    return number_from_environment("PODSCOPE_CROWD", needs_something<Place> ? 300 : in_memory_only);
}

/// A test case for each place of a list; where that has several, they are instances of one, by a
/// number at the end of its name.
template <class Places, class Test>
class test_in_places {
public:
    test_in_places(const std::string& name,
                   const std::string& tags,
                   const Catch::SourceLineInfo& at) {
        add_each(static_cast<Places*>(nullptr), name, tags, at);
    }

private:
    template <class... Place>
    static void add_each(std::tuple<Place...>*,
                         const std::string& name,
                         const std::string& tags,
                         const Catch::SourceLineInfo& at) {
        int number = 0;
        const auto ending = [&] {
            return sizeof...(Place) > 1 ? " - " + std::to_string(number++) : std::string{};
        };
        (add<Place>(name, ending(), tags, at), ...);
    }

    template <class Place>
    static void add(std::string name,
                    const std::string& ending,
                    std::string tags,
                    const Catch::SourceLineInfo& at) {
        if constexpr (needs_something<Place>) {
            name += std::string{" in "} + Place::family;
            tags += Place::tag;
        }
        name += ending;
        const Catch::AutoReg listed{Catch::makeTestInvoker(&play<Place>), at, {}, {name, tags}};
    }

    template <class Place>
    static void play() {
        if constexpr (needs_something<Place>) {
            if (!Place::is_there()) {
                PODSCOPE_SKIP(std::string{"there is no "} + Place::family);
            }
        }
        UNSCOPED_INFO("in " << Place::name);
        Test::template play<Place>();
    }
};

} // namespace podscope_test

#define PODSCOPE_TEST_ANYWHERE_AS(test, name, tags)                                           \
    namespace {                                                                               \
    struct test {                                                                             \
        template <class Place>                                                                \
        static void play();                                                                   \
    };                                                                                        \
    const podscope_test::test_in_places<places, test> test##_listed{name, tags,               \
                                                                    CATCH_INTERNAL_LINEINFO}; \
    }                                                                                         \
    template <class Place>                                                                    \
    void test::play()

#define PODSCOPE_TEST_ANYWHERE_NUMBERED(number, name, tags) \
    PODSCOPE_TEST_ANYWHERE_AS(test_##number, name, tags)

#define PODSCOPE_TEST_ANYWHERE_WITH(number, name, tags) \
    PODSCOPE_TEST_ANYWHERE_NUMBERED(number, name, tags)

/// A test case whose body is a template over `Place`.
#define PODSCOPE_TEST_ANYWHERE(name, tags) PODSCOPE_TEST_ANYWHERE_WITH(__COUNTER__, name, tags)
