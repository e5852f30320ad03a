// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/effort.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/pod/manifest_toml.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace podscope;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

error refusal_of(std::string_view text) {
    const auto read = manifest_from_toml(text, "m.toml");
    REQUIRE_FALSE(read);
    CHECK(read.error().path == "m.toml");
    return read.error();
}

error team_refusal_of(std::string_view text) {
    const auto read = team_from_toml(text, "t.toml");
    REQUIRE_FALSE(read);
    CHECK(read.error().path == "t.toml");
    return read.error();
}

bool is_at(const error& e, std::uint64_t line, std::uint64_t column) {
    INFO(e.message);
    CHECK(e.position == text_position{line, column});
    CHECK(e.message.starts_with(e.path + ":" + std::to_string(line) + ":" + std::to_string(column) +
                                ": "));
    return e.position == text_position{line, column};
}

bool says(const error& e, std::string_view part) {
    INFO(e.message);
    const bool found = e.message.find(part) != std::string::npos;
    CHECK(found);
    return found;
}

std::vector<std::string> targets(const std::vector<rule_text>& rules) {
    std::vector<std::string> all;
    for (const auto& rule : rules)
        all.push_back(rule.target);
    return all;
}

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    text.reserve(part.size() * times);
    for (; times != 0; --times)
        text += part;
    return text;
}

class scratch {
public:
    [[nodiscard]] std::string path(const std::string& below) const { return root_ + "/" + below; }

    [[nodiscard]] std::string file(const std::string& below, std::string_view content) const {
        std::ofstream{path(below), std::ios::binary} << content;
        return path(below);
    }

private:
    podscope_test::temporary_folder folder_{};
    std::string root_{fs::canonical(folder_.path()).string()};
};

// The text in the header's own words.
constexpr std::string_view in_the_header = R"(
name = "planner"
root = "/home/me/project"                 # what relative targets are taken from
allow = [ { read = "." } ]                # a rule: read or write, and a target
deny = [ { write = ".git" } ]
authority = [ { write = "." } ]           # absent: what it may do; []: nothing
peers = [ "reviewer" ]

[[child]]                                 # in a team, as deep as it goes
name = "docs"
allow = [ { write = "docs" }, { read = "src", recursive = false } ]

[[child.child]]
name = "spelling"
allow = [ { write = "docs/words" } ]
)";

} // namespace

TEST_CASE("A manifest in TOML says what one in code says", "[pod][toml]") {
    const auto read = manifest_from_toml(R"(
name = "planner"
allow = [ { read = "/ws" }, { write = "/ws/plan", recursive = false } ]
deny = [ { write = "/ws/.git", recursive = true } ]
authority = [ { write = "/ws" } ]
peers = [ "reviewer", "docs" ]
)",
                                         "m.toml");
    REQUIRE(read);
    auto expected = manifest{"planner"}
                        .may(rules::read("/ws"))
                        .may(rules::write("/ws/plan").only_here())
                        .may_not(rules::write("/ws/.git"))
                        .may_delegate(rules::write("/ws"))
                        .knows("reviewer")
                        .knows("docs");
    const auto here = resolve(*read, lexical_path{});
    const auto there = resolve(expected, lexical_path{});
    REQUIRE(here);
    CHECK(*here == *there);
    CHECK(read->name == expected.name);
    CHECK(read->peers == expected.peers);
    CHECK(read->source == "m.toml");
    CHECK(read->position == text_position{2, 8});
    CHECK(read->allow[1].position == text_position{3, 29});
}

TEST_CASE("A manifest in TOML tells absent from empty", "[pod][toml]") {
    const auto absent = manifest_from_toml("name = 'a'\nallow = [ { read = '/' } ]");
    REQUIRE(absent);
    CHECK_FALSE(absent->authority);
    CHECK_FALSE(absent->peers);
    CHECK_FALSE(absent->unreachable);
    const auto kept =
        manifest_from_toml("name = 'a'\nallow = [ { read = '/' } ]\nif_unreachable = 'keep'");
    REQUIRE(kept);
    CHECK(kept->unreachable == podscope::when_unreachable::keep);
    const auto refused =
        refusal_of("name = 'a'\nallow = [ { read = '/' } ]\nif_unreachable = 'kill'");
    is_at(refused, 3, 18);
    says(refused, "'if_unreachable' has to be 'fence', 'keep' or 'terminate', not 'kill'");
    const auto said =
        manifest_from_toml("name = 'a'\nallow = [ { read = '/' } ]\nreason = 'mends it'");
    REQUIRE(said);
    CHECK(said->reason == "mends it");
    CHECK_FALSE(absent->reason);
    says(refusal_of("name = 'a'\nallow = [ { read = '/' } ]\nreason = 7"),
         "'reason' has to be a text");
    const auto broken = refusal_of("allow = [ { read = '/' } ]\nreason = 'a\tb'\nname = 'a'");
    is_at(broken, 3, 8);
    says(broken, "the reason of the pod 'a' has to be one line");
    const auto empty =
        manifest_from_toml("name = 'a'\nallow = [ { read = '/' } ]\nauthority = []\npeers = []");
    REQUIRE(empty);
    CHECK(empty->authority == std::vector<rule_text>{});
    CHECK(empty->peers == std::vector<std::string>{});
}

TEST_CASE("A team in TOML is a tree of manifests that share a root", "[pod][toml]") {
    const auto read = team_from_toml(in_the_header, "t.toml");
    REQUIRE(read);
    CHECK(read->pod.name == "planner");
    CHECK(targets(read->pod.allow) == std::vector{"/home/me/project/."s});
    CHECK(targets(read->pod.deny) == std::vector{"/home/me/project/.git"s});
    CHECK(targets(*read->pod.authority) == std::vector{"/home/me/project/."s});
    REQUIRE(read->children.size() == 1);
    const team& docs = read->children.front();
    CHECK(docs.pod.name == "docs");
    CHECK(targets(docs.pod.allow) ==
          std::vector{"/home/me/project/docs"s, "/home/me/project/src"s});
    CHECK_FALSE(docs.pod.allow[1].recursive);
    REQUIRE(docs.children.size() == 1);
    CHECK(docs.children.front().pod.name == "spelling");
    CHECK(docs.children.front().pod.source == "t.toml");
    CHECK(docs.children.front().children.empty());
}

TEST_CASE("A pod alone is a team without children and a team is not one manifest", "[pod][toml]") {
    const auto alone = team_from_toml("name = 'a'\nallow = [ { read = '/' } ]");
    REQUIRE(alone);
    CHECK(alone->children.empty());
    const auto refused = refusal_of(in_the_header);
    CHECK(refused.category == errc::invalid_manifest);
    CHECK(refused.subject == "child");
    says(refused, "team");
}

TEST_CASE("A relative target is taken from the nearest root and an absolute one stays",
          "[pod][toml]") {
    const auto text = R"(
name = "a"
allow = [ { read = "x" }, { read = "/y" }, { read = "" } ]
[[child]]
name = "b"
root = "sub"
allow = [ { read = "x" } ]
[[child]]
name = "c"
root = "/other"
allow = [ { read = "x" } ]
)"s;
    const auto from_caller = team_from_toml(text, "t.toml", "/ws");
    REQUIRE(from_caller);
    // An empty target stays one, and is refused where it is resolved.
    CHECK(targets(from_caller->pod.allow) == std::vector{"/ws/x"s, "/y"s, ""s});
    CHECK(targets(from_caller->children[0].pod.allow) == std::vector{"/ws/sub/x"s});
    CHECK(targets(from_caller->children[1].pod.allow) == std::vector{"/other/x"s});

    const auto from_text = team_from_toml("root = '/mine'" + text, "t.toml", "/ws");
    REQUIRE(from_text);
    CHECK(targets(from_text->pod.allow) == std::vector{"/mine/x"s, "/y"s, ""s});
    CHECK(targets(from_text->children[0].pod.allow) == std::vector{"/mine/sub/x"s});

    const auto relative = team_from_toml("root = 'sub'" + text, "t.toml", "/ws");
    REQUIRE(relative);
    CHECK(targets(relative->pod.allow) == std::vector{"/ws/sub/x"s, "/y"s, ""s});

    const auto nowhere = manifest_from_toml("name = 'a'\nallow = [ { read = 'orders.eu' } ]");
    REQUIRE(nowhere);
    CHECK(targets(nowhere->allow) == std::vector{"orders.eu"s});
}

TEST_CASE("F38 a relative root that nothing is there for is refused", "[pod][toml]") {
    const auto refused = refusal_of("name = 'a'\nroot = 'sub'\nallow = [ { read = 'x' } ]");
    is_at(refused, 2, 8);
    says(refused, "relative");
    is_at(refusal_of("name = 'a'\nroot = ''\nallow = [ { read = 'x' } ]"), 2, 8);
}

TEST_CASE("F38 what is not TOML is refused where it stops to be", "[pod][toml]") {
    const auto refused = refusal_of("name = \"a\"\nallow = [ { read \"/\" } ]\n");
    CHECK(refused.category == errc::invalid_manifest);
    says(refused, "not TOML");
    REQUIRE(refused.position);
    CHECK(refused.position->line == 2);
    CHECK(refused.position->column > 10);

    for (const auto& text :
         {"{"s, "name"s, "name = "s, "= 1"s, "[name"s, "name = \"a"s, "name = 'a'\nname = 'b'"s,
          "\xFF\xFE"s, "name = \"\xC3\""s, "\0"s, "name = 'a'\n[[allow]\n"s}) {
        CAPTURE(text);
        CHECK(refusal_of(text).category == errc::invalid_manifest);
        CHECK(refusal_of(text).position);
    }
}

TEST_CASE("F38 wrong types are refused with what was expected and found", "[pod][toml]") {
    struct {
        const char* text;
        std::uint64_t line;
        std::uint64_t column;
        const char* expected;
        const char* found;
    } const table[] = {
        {"name = 1", 1, 8, "'name' has to be a text", "a number"},
        {"name = ['a']", 1, 8, "'name' has to be a text", "a list"},
        {"name = 'a'\nallow = 'x'", 2, 9, "'allow' has to be a list of rules", "a text"},
        {"name = 'a'\nallow = { read = '/' }", 2, 9, "'allow' has to be a list of rules",
         "a table"},
        {"name = 'a'\nallow = [ '/ws' ]", 2, 11, "'allow' has to be a list of rules", "a text"},
        {"name = 'a'\nallow = [ { read = true } ]", 2, 20, "'read' has to be a text",
         "true or false"},
        {"name = 'a'\nallow = [ { write = [ '/' ] } ]", 2, 21, "'write' has to be a text",
         "a list"},
        {"name = 'a'\nallow = [ { read = '/', recursive = 'no' } ]", 2, 37,
         "'recursive' has to be true or false", "a text"},
        {"name = 'a'\nallow = [ { read = '/', recursive = 1.5 } ]", 2, 37,
         "'recursive' has to be true or false", "a number"},
        {"name = 'a'\ndeny = 1979-05-27", 2, 8, "'deny' has to be a list of rules", "a date"},
        {"name = 'a'\nauthority = 07:32:00", 2, 13, "'authority' has to be a list of rules",
         "a date or time"},
        {"name = 'a'\nauthority = 1979-05-27T07:32:00Z", 2, 13,
         "'authority' has to be a list of rules", "a date or time"},
        {"name = 'a'\nallow = [ { read = '/' } ]\npeers = 'b'", 3, 9,
         "'peers' has to be a list of names", "a text"},
        {"name = 'a'\nallow = [ { read = '/' } ]\npeers = [ 'b', 2 ]", 3, 16,
         "'peers' has to be a list of names", "a number"},
        {"name = 'a'\nroot = true\nallow = [ { read = '/' } ]", 2, 8, "'root' has to be a text",
         "true or false"},
    };

    for (const auto& row : table) {
        CAPTURE(row.text);
        const auto refused = refusal_of(row.text);
        CHECK(refused.category == errc::invalid_manifest);
        is_at(refused, row.line, row.column);
        says(refused, row.expected);
        says(refused, "there is "s + row.found);
    }
    const auto child = team_refusal_of("name = 'a'\nallow = [ { read = '/' } ]\nchild = [ 'b' ]");
    is_at(child, 3, 11);
    says(child, "[[child]]");
    says(team_refusal_of("name = 'a'\nallow = [ { read = '/' } ]\nchild = { name = 'b' }"),
         "there is a table");
}

TEST_CASE("F38 unknown keys are named with their place and the key that was meant", "[pod][toml]") {
    const auto one = refusal_of("name = 'a'\nallow = [ { read = '/' } ]\ndenny = []\n");
    CHECK(one.category == errc::invalid_manifest);
    is_at(one, 3, 1);
    CHECK(one.subject == "denny");
    says(one, "'denny', was 'deny' meant?");

    // Every one, in the order of the text and not of the alphabet.
    const auto two = refusal_of("zeta = 1\nname = 'a'\nalpha = 2\nallow = [ { read = '/' } ]\n");
    is_at(two, 1, 1);
    says(two, "no 'zeta'; a pod has no 'alpha'");
    CHECK(two.message.find("meant") == std::string::npos);

    const auto in_rule = refusal_of("name = 'a'\nallow = [ { read = '/', recursve = false } ]");
    is_at(in_rule, 2, 25);
    says(in_rule, "a rule has no 'recursve', was 'recursive' meant?");

    const auto in_child = team_refusal_of("name = 'a'\nallow = [ { read = '/' } ]\n[[child]]\n"
                                          "name = 'b'\nAllow = [ { read = '/' } ]\n");
    is_at(in_child, 5, 1);
    says(in_child, "'allow' meant?");

    is_at(refusal_of("name = 'a'\nallow = [ { read = '/' } ]\n[extra]\nx = 1"), 3, 2);
    says(refusal_of("name = 'a'\nallow = [ { read = '/' } ]\n\"a\\u0001b\" = 1"), "a\\x01b");
    says(refusal_of(std::string(5000, 'k') + " = 1\nname = 'a'"), "kkk...kkk");
    says(refusal_of("name = 'a'\nallow = [ { read = '/' } ]\n\"\" = 1"), "a pod has no ''");
    says(refusal_of("name = 'a'\nallow = [ { read = '/', \"\" = 1 } ]"), "a rule has no ''");
}

TEST_CASE("F38 a rule says one access and one target", "[pod][toml]") {
    for (const auto* rule : {"{}", "{ recursive = true }", "{ read = '/', write = '/' }"}) {
        const auto refused = refusal_of("name = 'a'\nallow = [ { read = '/' }, "s + rule + " ]");
        is_at(refused, 2, 27);
        says(refused, "either 'read' or 'write'");
    }
}

TEST_CASE("F38 an empty allow is refused with its place", "[pod][toml]") {
    for (const auto* text :
         {"name = 'a'", "name = 'a'\nallow = []", "name = 'a'\nallow = []\nauthority = []",
          "name = 'a'\ndeny = [ { write = '/' } ]"}) {
        const auto refused = refusal_of(text);
        CHECK(refused.category == errc::invalid_manifest);
        is_at(refused, 1, 8);
        says(refused, "may do nothing");
    }
    is_at(refusal_of(""), 1, 1);
    says(refusal_of("allow = [ { read = '/' } ]"), "'name'");
    const auto child =
        team_refusal_of("name = 'a'\nallow = [ { read = '/' } ]\n\n[[child]]\nallow = []");
    is_at(child, 4, 1);
    says(child, "'name'");
}

TEST_CASE("F35 a name in a text is refused with its place", "[pod][toml]") {
    for (const auto* name : {"''", "'.'", "'..'", "'a/b'", "\"a\\u0000b\"", "\"a\\nb\""}) {
        const auto refused = refusal_of("name = "s + name + "\nallow = [ { read = '/' } ]");
        CHECK(refused.category == errc::invalid_name);
        is_at(refused, 1, 8);
    }
    const auto peer = refusal_of("name = 'a'\nallow = [ { read = '/' } ]\npeers = [ '..' ]");
    CHECK(peer.category == errc::invalid_name);
}

TEST_CASE("F36 a target in a text is refused with its place when it is resolved", "[pod][toml]") {
    const auto read = manifest_from_toml(
        "name = 'a'\nallow = [ { read = '/' },\n  { write = '/ws/../..' } ]", "m.toml");
    REQUIRE(read);
    const auto resolved = resolve(*read, lexical_path{});
    REQUIRE_FALSE(resolved);
    CHECK(resolved.error().category == errc::invalid_target);
    CHECK(resolved.error().path == "m.toml");
    is_at(resolved.error(), 3, 3);
    says(resolved.error(), "allow rule 2");
}

TEST_CASE("F38 a name is taken once in a team at whatever depth", "[pod][toml]") {
    const auto rule = "allow = [ { read = '/' } ]\n"s;
    const auto sibling = team_refusal_of("name = 'a'\n" + rule + "[[child]]\nname = 'b'\n" + rule +
                                         "[[child]]\nname = 'b'\n" + rule);
    CHECK(sibling.category == errc::invalid_manifest);
    CHECK(sibling.subject == "b");
    is_at(sibling, 7, 8);
    says(sibling, "'b' is taken on line 4");
    const auto above = team_refusal_of("name = 'a'\n" + rule + "[[child]]\nname = 'b'\n" + rule +
                                       "[[child.child]]\nname = 'a'\n" + rule);
    is_at(above, 7, 8);
    says(above, "'a' is taken on line 1");
}

TEST_CASE("F38 a text that nests too deep is refused before it is built", "[pod][toml]") {
    // Two of these take a parser that builds them down with a full stack.
    const auto dots = repeated(".a", 2'000'000);
    for (const auto& text :
         {"a" + dots + " = 1", "[a" + dots + "]", "[[a" + dots + "]]",
          "name = 'x'\n\"a\"" + repeated(". 'a'", 100'000) + " = 1",
          "a = " + repeated("[", 1'000'000), "a = " + repeated("{ a = ", 100'000)}) {
        const auto refused = refusal_of(text);
        CHECK(refused.category == errc::invalid_manifest);
        says(refused, "64 levels");
        CHECK(refused.position->column > 60);
    }
    is_at(refusal_of("name = 'x'\n\nb" + repeated(".a", 65) + " = 1"), 3, 130);
}

TEST_CASE("F38 a team of sixty generations is read and so is text that looks deep", "[pod][toml]") {
    std::string text = "name = 'n0'\nallow = [ { read = '/' } ]\n";
    std::string header = "child";
    for (int depth = 1; depth <= 60; ++depth) {
        text += "[[" + header + "]]\nname = 'n" + std::to_string(depth) +
                "'\nallow = [ { read = '/' } ]\n";
        header += ".child";
    }
    auto read = team_from_toml(text);
    REQUIRE(read);
    int depth = 0;
    for (const team* at = &*read; !at->children.empty(); at = &at->children.front())
        ++depth;
    CHECK(depth == 60);

    const auto brackets = repeated("[{.", 200);
    const auto harmless = "name = 'a' # " + brackets + "\nallow = [ { read = \"/\\\"" + brackets +
                          "\" }, { read = '/" + brackets + "' },\n { read = \"\"\"/" + brackets +
                          "\n\"\"" + brackets + "\"\"\"\"\" }, { read = '''/" + brackets + "\n'" +
                          brackets + "''' }, { read = '' }, { read = \"\" }, { read = '/\\' } ]\n";
    const auto flat = manifest_from_toml(harmless);
    if (!flat)
        FAIL(flat.error().message);
    REQUIRE(flat->allow.size() == 7);
    CHECK(flat->allow[0].target == "/\"" + brackets);
    CHECK(flat->allow[2].target == "/" + brackets + "\n\"\"" + brackets + "\"\"");
    CHECK(flat->allow[3].target == "/" + brackets + "\n'" + brackets);
    CHECK(flat->allow[6].target == "/\\");
}

TEST_CASE("F38 after text that looks deep a text that is deep is seen", "[pod][toml]") {
    const auto deep = "b" + repeated(".a", 100) + " = 1";
    for (const auto& before :
         {"a = '\\'\n"s, "a = \"\\\"\"\n"s, "a = ''\n"s, "a = \"\"\n"s, "a = ''''''\n"s,
          "a = \"\"\"\"\"\"\n"s, "a = '''x'''''\n"s, "a = \"\"\"x\\\n  \\\"\"\"\"\"\"\n"s,
          "a = '''\n'x''y\n'''\n"s, "a = 1 # it's\n"s, "a = \"\\\\\"\n"s}) {
        CAPTURE(before);
        const auto refused = refusal_of(before + deep);
        says(refused, "64 levels");
        CHECK(refused.position->line ==
              1U + static_cast<std::uint64_t>(std::ranges::count(before, '\n')));
        // It is TOML as far as toml++ is concerned: the two see the same strings.
        CHECK_NOTHROW(toml::parse(before));
    }
}

TEST_CASE("F38 a million rules are read", "[pod][toml][slow]") {
    std::string text = "name = 'a'\nallow = [\n";
    constexpr std::size_t count = podscope_test::is_sanitised ? 100'000 : 1'000'000;
    for (std::size_t i = 0; i < count; ++i)
        text += "{ write = '/ws/" + std::to_string(i) + "' },\n";
    text += "]\n";
    const auto read = manifest_from_toml(text);
    if (!read)
        FAIL(read.error().message);
    CHECK(read->allow.size() == count);
    CHECK(read->allow.back().target == "/ws/" + std::to_string(count - 1));
    const auto resolved = resolve(*read, lexical_path{});
    REQUIRE(resolved);
    CHECK(resolved->allow.size() == count);
}

TEST_CASE("F38 a text of more than 64 MiB is refused unread", "[pod][toml]") {
    // Up to there it is looked at.
    constexpr std::size_t longest = std::size_t{64} << 20U;
    const auto deep = "\n" + repeated("[", 65);
    auto text = "#" + std::string(longest - 1 - deep.size(), 'x') + deep;
    says(refusal_of(text), "64 levels");
    text += ' ';
    const auto refused = refusal_of(text);
    says(refused, "64 MiB");
    is_at(refused, 1, 1);
    const scratch in;
    const auto file = in.file("large.toml", "name = 'a'\n");
    fs::resize_file(file, longest + 1);
    const auto read = read_manifest(file);
    REQUIRE_FALSE(read);
    CHECK(read.error().category == errc::invalid_manifest);
    CHECK(read.error().path == file);
    says(read.error(), "too large");
}

TEST_CASE("A file is read with its own folder under a relative root", "[pod][toml]") {
    const scratch in;
    const auto file =
        in.file("team.toml", "name = 'a'\nroot = '.'\nallow = [ { read = 'x' } ]\n[[child]]\n"
                             "name = 'b'\nallow = [ { read = 'y' } ]\n");
    const auto read = read_team(file);
    REQUIRE(read);
    CHECK(read->pod.source == file);
    const auto resolved = resolve(read->pod, lexical_path{});
    REQUIRE(resolved);
    CHECK(lexical_path{}.display(resolved->allow.front().target) == in.path("x"));

    const auto elsewhere = read_team(file, "/elsewhere");
    REQUIRE(elsewhere);
    CHECK(targets(elsewhere->children.front().pod.allow) == std::vector{"/elsewhere/./y"s});

    const auto rootless = in.file("m.toml", "name = 'a'\nallow = [ { read = 'x' } ]\n");
    CHECK(targets(read_manifest(rootless).value().allow) == std::vector{"x"s});
    CHECK(targets(read_manifest(rootless, "/r").value().allow) == std::vector{"/r/x"s});

    const auto before = fs::current_path();
    fs::current_path(in.path(""));
    const auto beside = read_team("team.toml");
    fs::current_path(before);
    REQUIRE(beside);
    CHECK(targets(beside->pod.allow) == std::vector{in.path("./x")});
}

TEST_CASE("F38 an error in a file names the file", "[pod][toml]") {
    const scratch in;
    const auto file = in.file("bad.toml", "name = 'a'\nalow = []\n");
    const auto read = read_manifest(file);
    REQUIRE_FALSE(read);
    CHECK(read.error().path == file);
    is_at(read.error(), 2, 1);
}

TEST_CASE("F38 what cannot be read as a file is an error of the system", "[pod][toml]") {
    const scratch in;
    const auto missing = read_manifest(in.path("missing.toml"));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().category == errc::io);
    CHECK(missing.error().path == in.path("missing.toml"));
    CHECK(missing.error().system == std::errc::no_such_file_or_directory);

    fs::create_directory(in.path("folder.toml"));
    REQUIRE(::mkfifo(in.path("fifo.toml").c_str(), 0600) == 0);
    for (const auto* name : {"folder.toml", "fifo.toml"}) {
        const auto read = read_team(in.path(name));
        REQUIRE_FALSE(read);
        CHECK(read.error().category == errc::io);
        says(read.error(), "not a regular file");
    }
    const auto empty = read_manifest(in.file("empty.toml", ""));
    REQUIRE_FALSE(empty);
    CHECK(empty.error().category == errc::invalid_manifest);
    // A file that does not know its own size.
    const auto from_proc = read_manifest("/proc/self/status");
    REQUIRE_FALSE(from_proc);
    says(from_proc.error(), "not TOML");
}

TEST_CASE("F38 a text cut off at any byte is refused or read and never worse", "[pod][toml]") {
    std::size_t read = 0;
    for (std::size_t length = 0; length <= in_the_header.size(); ++length) {
        const std::string text{in_the_header.substr(0, length)};
        const auto cut = team_from_toml(text, "t.toml");
        if (!cut)
            CHECK(cut.error().position);
        read += cut ? 1U : 0U;
    }
    CHECK(read > 0);
    CHECK(read < in_the_header.size() / 2);
}
