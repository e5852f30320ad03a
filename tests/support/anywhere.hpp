// SPDX-License-Identifier: BSL-1.0
// Test cases that are written once, in headers, and played in whatever places a file names that
// includes them: as `places`, a list of backends of configurations.hpp, before it includes the
// first.
#pragma once

#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <string>
#include <tuple>
#include <type_traits>

namespace podscope_test {

/// A crew over that backend whose processes are made up.
template <class Place>
class crew_in : public crew_of<configuration<Place, by_script, to_queue>> {
public:
    crew_in()
        : crew_of<configuration<Place, by_script, to_queue>>{
              configuration<Place, by_script, to_queue>{}} {}
};

/// What some place needs that not every machine has.
template <class Place>
concept needs_something = requires { Place::is_there(); };

/// A test case for each place of a list. They are one family of instances: of one name but for a
/// number at its end, or alone under the name itself if the one place is memory.
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
        (add<Place>(name, tags, number++, at), ...);
    }

    template <class Place>
    static void
    add(std::string name, std::string tags, int number, const Catch::SourceLineInfo& at) {
        if constexpr (!std::is_same_v<Place, in_memory>) {
            name += std::string{" in "} + Place::family + " - " + std::to_string(number);
            tags += Place::tag;
        }
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
