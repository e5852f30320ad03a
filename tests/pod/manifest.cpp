// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/pod/manifest.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace podscope;

namespace {

resource place(std::string_view path) {
    return lexical_path{}.resolve(path).value();
}

error refusal_of(const manifest& wanted) {
    const auto resolved = resolve(wanted, lexical_path{});
    REQUIRE_FALSE(resolved);
    return resolved.error();
}

bool says(const error& e, std::string_view part) {
    INFO(e.message);
    return e.message.find(part) != std::string::npos;
}

// A namespace that is no file path: components between colons, and no root to take a target from.
struct colons {
    [[nodiscard]] result<resource> resolve(std::string_view text) const {
        resource at;
        for (std::string_view rest = text; !rest.empty();) {
            const auto component = rest.substr(0, rest.find(':'));
            if (component.empty())
                return fail(invalid_target(text, "has an empty part"));
            at.push(component);
            rest.remove_prefix(std::min(component.size() + 1, rest.size()));
        }
        return at;
    }

    [[nodiscard]] std::string display(const resource&) const { return {}; }
};

} // namespace

TEST_CASE("A manifest is written as it is read aloud", "[pod]") {
    const auto planner = manifest{"planner"}
                             .may(rules::read("/ws"))
                             .may(rules::write("/ws/plan").only_here())
                             .may_not(rules::write("/ws/.git"))
                             .may_delegate(rules::write("/ws"))
                             .knows("reviewer")
                             .if_unreachable(when_unreachable::keep);
    CHECK(planner.name == "planner");
    CHECK(planner.allow == std::vector<rule_text>{{"/ws", permission::read, true, {}},
                                                  {"/ws/plan", permission::write, false, {}}});
    CHECK(planner.deny == std::vector<rule_text>{{"/ws/.git", permission::write, true, {}}});
    CHECK(planner.authority == std::vector<rule_text>{{"/ws", permission::write, true, {}}});
    CHECK(planner.peers == std::vector<std::string>{"reviewer"});
    CHECK(planner.unreachable == when_unreachable::keep);

    manifest same{"planner"};
    same.may(rules::read("/ws")).may(rules::write("/ws/plan").only_here());
    same.may_not(rules::write("/ws/.git"));
    same.may_delegate(rules::write("/ws"));
    same.knows("reviewer");
    same.if_unreachable(when_unreachable::keep);
    CHECK(same == planner);
}

TEST_CASE("A manifest resolves to normalised rules in their order", "[pod]") {
    const auto resolved = resolve(manifest{"planner"}
                                      .may(rules::write("/ws//b/../a/"))
                                      .may(rules::read("/"))
                                      .may_not(rules::read("/ws/./secret").only_here()),
                                  lexical_path{});
    REQUIRE(resolved);
    CHECK(resolved->allow == std::vector<scope_rule>{{place("/ws/a"), permission::write, true},
                                                     {place("/"), permission::read, true}});
    CHECK(resolved->deny ==
          std::vector<scope_rule>{{place("/ws/secret"), permission::read, false}});
}

TEST_CASE("What a pod may hand on is what it may do unless its manifest says so", "[pod]") {
    const auto same = resolve(manifest{"a"}.may(rules::write("/ws")), lexical_path{});
    REQUIRE(same);
    CHECK(same->authority == same->allow);

    const auto wider = resolve(
        manifest{"a"}.may(rules::read("/ws")).may_delegate(rules::write("/ws")), lexical_path{});
    REQUIRE(wider);
    CHECK(wider->authority == std::vector<scope_rule>{{place("/ws"), permission::write, true}});

    const auto none =
        resolve(manifest{"a"}.may(rules::write("/ws")).may_not_delegate(), lexical_path{});
    REQUIRE(none);
    CHECK(none->authority.empty());

    const auto only_delegates =
        resolve(manifest{"a"}.may_delegate(rules::write("/ws")), lexical_path{});
    REQUIRE(only_delegates);
    CHECK(only_delegates->allow.empty());
    CHECK(only_delegates->authority.size() == 1);
}

TEST_CASE("What becomes of a pod that does not answer is resolved as it was said", "[pod]") {
    const auto wanted = manifest{"a"}.may(rules::read("/ws"));
    const auto unsaid = resolve(wanted, lexical_path{});
    REQUIRE(unsaid);
    CHECK_FALSE(unsaid->unreachable);
    const auto said =
        resolve(manifest{wanted}.if_unreachable(when_unreachable::terminate), lexical_path{});
    REQUIRE(said);
    CHECK(said->unreachable == when_unreachable::terminate);
}

TEST_CASE("Rules that resolve to the same one are kept once and in order", "[pod]") {
    const auto resolved = resolve(manifest{"a"}
                                      .may(rules::write("/b"))
                                      .may(rules::write("/a"))
                                      .may(rules::write("//b/"))
                                      .may(rules::write("/b").only_here())
                                      .may(rules::read("/b"))
                                      .may(rules::write("/a/x/.."))
                                      .may(rules::write("/c")),
                                  lexical_path{});
    REQUIRE(resolved);
    CHECK(resolved->allow == std::vector<scope_rule>{{place("/b"), permission::write, true},
                                                     {place("/a"), permission::write, true},
                                                     {place("/b"), permission::write, false},
                                                     {place("/b"), permission::read, true},
                                                     {place("/c"), permission::write, true}});
}

TEST_CASE("F38 a pod that may do nothing and delegate nothing is refused", "[pod]") {
    for (const auto& empty : {manifest{"a"}, manifest{"a"}.may_not_delegate(),
                              manifest{"a"}.may_not(rules::write("/ws"))}) {
        const auto refused = refusal_of(empty);
        CHECK(refused.category == errc::invalid_manifest);
        CHECK(says(refused, "may do nothing"));
        CHECK(refused.subject == "a");
        CHECK_FALSE(refused.position);
    }
}

TEST_CASE("F38 a rule that allows or denies none is refused and named", "[pod]") {
    manifest allows{"a"};
    allows.may(rules::read("/x")).may({.target = "/ws"});
    CHECK(refusal_of(allows).category == errc::invalid_manifest);
    CHECK(says(refusal_of(allows), "allow rule 2"));
    CHECK(refusal_of(allows).subject == "/ws");

    manifest denies{"a"};
    denies.may(rules::read("/x")).may_not({.target = "/ws"});
    CHECK(says(refusal_of(denies), "deny rule 1"));

    manifest hands_on{"a"};
    hands_on.may(rules::read("/x")).may_delegate({.target = "/ws"});
    CHECK(says(refusal_of(hands_on), "authority rule 1"));
}

TEST_CASE("F36 a target that the namespace refuses is refused with its rule", "[pod]") {
    const auto base = manifest{"a"}.may(rules::read("/ok"));
    const auto allow = refusal_of(manifest{base}.may(rules::write("../x")));
    CHECK(allow.category == errc::invalid_target);
    CHECK(says(allow, "the pod 'a'"));
    CHECK(says(allow, "allow rule 2"));
    CHECK(allow.subject == "../x");
    const auto deny = refusal_of(manifest{base}.may_not(rules::write("/..")));
    CHECK(deny.category == errc::invalid_target);
    CHECK(says(deny, "deny rule 1"));
    const auto authority = refusal_of(manifest{base}.may_delegate(rules::write("")));
    CHECK(authority.category == errc::invalid_target);
    CHECK(says(authority, "authority rule 1"));
}

TEST_CASE("F35 a name that no pod may have is refused in a manifest and among its peers", "[pod]") {
    using namespace std::string_literals;
    for (const auto& name :
         {""s, "."s, ".."s, "a/b"s, "a\0b"s, "a\nb"s, std::string(256, 'x'), "\xC3"s}) {
        CHECK(refusal_of(manifest{name}.may(rules::read("/ws"))).category == errc::invalid_name);
        CHECK(refusal_of(manifest{"a"}.may(rules::read("/ws")).knows("b").knows(name)).category ==
              errc::invalid_name);
    }
}

TEST_CASE("An error says where its cause was written if it was in a text", "[pod]") {
    manifest wanted{"a"};
    wanted.source = "a.toml";
    wanted.position = text_position{1, 8};
    wanted.may({.target = "x", .access = permission::read, .position = text_position{3, 5}});
    const auto target = refusal_of(wanted);
    CHECK(target.path == "a.toml");
    CHECK(target.position == text_position{3, 5});
    CHECK(target.message.starts_with("a.toml:3:5: the pod 'a', allow rule 1: "));

    wanted.name = "..";
    const auto name = refusal_of(wanted);
    CHECK(name.path == "a.toml");
    CHECK(name.position == text_position{1, 8});
    CHECK(name.message.starts_with("a.toml:1:8: "));
}

TEST_CASE("A manifest resolves in whatever namespace its pod lives in", "[pod]") {
    const auto resolved = resolve(manifest{"a"}.may(rules::write("orders:eu")), colons{});
    REQUIRE(resolved);
    CHECK(resolved->allow.front().target == resource{}.child("orders").child("eu"));
    const auto refused = resolve(manifest{"a"}.may(rules::write("orders::eu")), colons{});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == errc::invalid_target);
}
