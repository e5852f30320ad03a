// SPDX-License-Identifier: BSL-1.0
#include "registry/rules.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/registry/keys.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace podscope_test;
using namespace podscope;
namespace keys = podscope::registry_keys;

resource at(const char* target) {
    return must(lexical_path{}.resolve(target));
}

TEST_CASE("I1 the claims at a place and below it are ranges that hold no others", "[registry]") {
    const std::vector<const char*> targets{"/", "/a", "/a/b", "/ab", "/a\1", "/a/b/c", "/b"};
    for (const auto* here : targets) {
        for (const auto* there : targets) {
            CAPTURE(here, there);
            const auto key = keys::claim("pod", rule(there));
            CHECK(key.starts_with(keys::claims_at(at(here).key())) == (at(here) == at(there)));
            CHECK(key.starts_with(at(here).key()) == at(here).contains(at(there)));
            if (!at(here).is_root()) {
                const bool is_before_end = key < keys::after_subtree(at(here).key());
                CHECK((key >= std::string{at(here).key()} && is_before_end) ==
                      at(here).contains(at(there)));
            }
        }
    }
}

TEST_CASE("I1 the key of a claim says whose it is and of what", "[registry]") {
    for (const auto* target : {"/", "/a", "/a/b", "/a/tcc/t"}) {
        for (const auto* pod : {"p", "t", "a pod"}) {
            for (const bool recursive : {false, true}) {
                CAPTURE(target, pod, recursive);
                const auto wanted = rule(target, permission::write, recursive);
                const auto key = keys::claim(pod, wanted);
                const auto read = keys::read_claim(key);
                REQUIRE(read);
                CHECK(read->pod == pod);
                CHECK(must(read->rule()) == wanted);
            }
        }
    }
}

TEST_CASE("F39 a claim under another key is corrupt", "[registry]") {
    const auto good = keys::claim("p", rule("/a/b"));
    for (std::size_t length = 0; length != good.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(keys::read_claim(std::string_view{good}.substr(0, length)));
    }
    for (const auto& bad : {good + 't', std::string{good}.replace(good.size() - 1, 1, "x"),
                            std::string{"a/b"}, std::string(4, '\0'), std::string{"\0\0\0t", 4},
                            std::string(3, 't'), std::string{"\0p\0x\0t", 6}}) {
        CHECK_FALSE(keys::read_claim(bad));
    }
}

TEST_CASE("I9 each layer of a pod has a key of its own", "[registry]") {
    std::set<std::string> all;
    std::size_t count = 0;
    for (const auto* pod : {"a", "ab"}) {
        for (const auto* target : {"/", "/a", "/a/b"}) {
            for (const auto access : {permission::read, permission::write}) {
                for (const bool recursive : {false, true}) {
                    const auto one = rule(target, access, recursive);
                    all.insert(keys::layer(pod, {one, std::nullopt}));
                    all.insert(keys::layer(pod, {one, delegation_ref{"x", epoch{1}}}));
                    all.insert(keys::layer(pod, {one, delegation_ref{"x", epoch{11}}}));
                    all.insert(keys::layer(pod, {one, delegation_ref{"xx", epoch{1}}}));
                    all.insert(keys::layer(pod, {one, delegation_ref{"t", epoch{1}}}));
                    count += 5;
                }
            }
        }
    }
    CHECK(all.size() == count);
}

TEST_CASE("the keys of rows are those that older versions have stored", "[registry]") {
    using namespace std::string_view_literals;
    CHECK(keys::claim("p", rule("/a/b")) == "a\0b\0\0p\0t"sv);
    CHECK(keys::claim("p", rule("/", permission::write, false)) == "\0p\0c"sv);
    CHECK(keys::layer("p", {rule("/a"), delegation_ref{"x", epoch{12}}}) == "p\0a\0\0x\0"
                                                                            "12\0twrite"sv);
    CHECK(keys::layer("p", {rule("/a", permission::read, false), std::nullopt}) ==
          "p\0a\0\0\0cread"sv);
    CHECK(keys::child("p", "x") == "p\0x"sv);
}

TEST_CASE("the rows at a place lead to those at its parent", "[registry]") {
    for (const auto* here : {"/a", "/ab", "/a/b", "/a/b/c d"}) {
        CAPTURE(here);
        const resource place = at(here);
        const auto above = resource::parent_key(place.key());
        auto claims = keys::claims_at(place.key());
        keys::ascend(claims, place.key());
        CHECK(claims == keys::claims_at(above));
        auto layers = keys::layers_at("pod", place.key());
        keys::ascend(layers, place.key());
        CHECK(layers == keys::layers_at("pod", above));
    }
}

TEST_CASE("I9 the layers at a place are a range that holds no others", "[registry]") {
    for (const auto* here : {"/", "/a", "/a/b"}) {
        for (const auto* there : {"/", "/a", "/a/b", "/ab"}) {
            CAPTURE(here, there);
            const auto key = keys::layer("pod", {rule(there), delegation_ref{"child", epoch{1}}});
            CHECK(key.starts_with(keys::layers_at("pod", at(here).key())) ==
                  (at(here) == at(there)));
            CHECK(key.starts_with(keys::name_prefix("pod")));
            CHECK_FALSE(key.starts_with(keys::name_prefix("po")));
        }
    }
}

} // namespace
