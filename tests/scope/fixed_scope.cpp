// SPDX-License-Identifier: BSL-1.0
#include "scope/rule_sets.hpp"
#include "support/catch.hpp"

#include <podscope/pod/manifest.hpp>
#include <podscope/scope/fixed_scope.hpp>
#include <podscope/scope/scope.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;
using namespace std::string_view_literals;

namespace {

inline constexpr auto mine = fixed_scope{
    fixed::may_read("/ws"),
    fixed::may_write("/ws/src"),
    fixed::may_not_write("/ws/src/gen"),
    fixed::may_write("/ws/docs").only_here(),
    fixed::may_not_read("/ws/src/secret").only_here(),
};

static_assert(mine.permission_at("/") == permission::none);
static_assert(mine.permission_at("/ws") == permission::read);
static_assert(mine.permission_at("/wsx") == permission::none);
static_assert(mine.permission_at("/ws/src/a.cpp") == permission::write);
static_assert(mine.permission_at("/ws/srcs/a.cpp") == permission::read);
static_assert(mine.permission_at("/ws/src/gen/deep/a.cpp") == permission::read);
static_assert(mine.permission_at("/ws/docs/index.md") == permission::write);
static_assert(mine.permission_at("/ws/docs/deep/index.md") == permission::read);
static_assert(mine.permission_at("/ws/src/secret/key") == permission::none);
static_assert(mine.permission_at("/ws/src/secret/deep/key") == permission::write);
static_assert(mine.permission_at("/x/..//ws/./src/a/../b/") == permission::write);
static_assert(mine.permission_at_key("ws\0src\0"sv) == permission::write);
static_assert(mine.allows("/ws/src", permission::write));
static_assert(!mine.allows("/ws/src/gen", permission::write));

// Of a rule that does not reach further, below which nothing else is said.
constexpr fixed_scope shallow{fixed::may_read("/ws").only_here()};
static_assert(shallow.permission_at("/ws") == permission::read);
static_assert(shallow.permission_at("/ws/a") == permission::read);
static_assert(shallow.permission_at("/ws/a/b") == permission::none);

// No place, hence no permission.
static_assert(mine.permission_at("") == permission::none);
static_assert(mine.permission_at("ws/src") == permission::none);
static_assert(mine.permission_at("/ws/src\0"sv) == permission::none);
static_assert(mine.permission_at("/ws/../../ws/src") == permission::none);

// Nothing is left for the start of a program or its end.
static_assert(std::is_trivially_copyable_v<std::remove_const_t<decltype(mine)>>);
static_assert(std::is_trivially_destructible_v<decltype(mine)>);
constinit const fixed_scope<0, 0> nothing{};

static_assert(noexcept(mine.permission_at(std::string_view{})));
static_assert(noexcept(mine.permission_at(resource{})));
static_assert(noexcept(mine.permission_at_key({})));

template <std::size_t Size>
struct literal {
    char text[Size]{};

    // Implicit, so that a literal can be an argument.
    consteval literal(const char (&from)[Size]) { std::copy(from, from + Size, text); }

    consteval literal() = default;
};

// Whether a rule can be made of a target; if not, making it would be an error of compilation.
template <literal Text>
concept target = requires {
    typename std::bool_constant<(static_cast<void>(fixed::may_read(Text.text)), true)>;
};

// "/", and so many letters.
template <std::size_t Letters>
consteval literal<Letters + 2> one_component() {
    literal<Letters + 2> made;
    std::fill_n(made.text, Letters + 1, 'a');
    made.text[0] = '/';
    return made;
}

// "/a/a/a", so many bytes of it.
template <std::size_t Bytes>
consteval literal<Bytes + 1> many_components() {
    literal<Bytes + 1> made;
    for (std::size_t i = 0; i < Bytes; ++i)
        made.text[i] = i % 2 == 0 ? '/' : 'a';
    return made;
}

consteval literal<3> without_end() {
    literal<3> made{"/a"};
    made.text[2] = 'b';
    return made;
}

static_assert(target<"/"> && target<"/ws"> && target<"//ws/./a/../b/">);
static_assert(!target<"">);
static_assert(!target<"ws"> && !target<"./ws"> && !target<" /ws">);
static_assert(!target<"/..">);
static_assert(!target<"/ws/../..">);
static_assert(!target<"/ws\0src">);
static_assert(!target<without_end()>);
static_assert(target<one_component<255>()> && !target<one_component<256>()>);
static_assert(target<many_components<4095>()> && !target<many_components<4096>()>);

// A rule of one of eight kinds: of reading or writing, grants or takes, reaches far or not.
template <std::size_t Size>
consteval fixed_rule<Size> fixed_rule_of(const char (&text)[Size], std::size_t kind) {
    const auto access = (kind & 1U) != 0 ? permission::write : permission::read;
    const auto what = (kind & 2U) != 0 ? scope_detail::effect::deny : scope_detail::effect::grant;
    const fixed_rule<Size> rule{text, what, access};
    return (kind & 4U) != 0 ? rule.only_here() : rule;
}

void add_rule_of(const reference_place& where,
                 std::size_t kind,
                 std::vector<reference_rule>& allow,
                 std::vector<reference_rule>& deny) {
    const auto access = (kind & 1U) != 0 ? permission::write : permission::read;
    ((kind & 2U) != 0 ? deny : allow).push_back({where, access, (kind & 4U) == 0});
}

reference_place place_of(std::string_view text) {
    reference_place place;
    lexical_path{}.resolve(text).value().for_each_component(
        [&](std::string_view component) { place.emplace_back(component); });
    return place;
}

// Two rules of any two kinds, over a third that allows reading or writing everywhere.
template <literal First, literal Second, literal All, std::size_t... Kinds>
consteval auto scopes_of(std::index_sequence<Kinds...>) {
    return std::array{fixed_scope{fixed_rule_of(First.text, Kinds % 8),
                                  fixed_rule_of(Second.text, Kinds / 8),
                                  fixed_rule_of(All.text, 0)}...};
}

// The first place at which a fixed scope disagrees with the reference or with a scope of the same
// rules, however it is asked; empty if there is none.
template <class Fixed>
std::string disagreement(const Fixed& found,
                         const std::vector<reference_rule>& allow,
                         const std::vector<reference_rule>& deny,
                         const world& all) {
    const auto expected = reference_permissions(all.universe, allow, deny);
    const scope same{rules_of(allow), base_layers(deny)};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto text = text_of(all.universe.places()[i]);
        const auto here = found.permission_at(all.resources[i]);
        if (here != expected[i] || same.permission_at(all.resources[i]) != here ||
            found.permission_at(text) != here ||
            found.permission_at_key(all.resources[i].key()) != here)
            return text + " is " + std::string{to_string(here)} + " and should be " +
                   std::string{to_string(expected[i])};
    }
    return {};
}

template <literal First, literal Second>
void compare_all_kinds(const world& all) {
    constexpr auto kinds = std::make_index_sequence<64>{};
    static constexpr auto scopes = scopes_of<First, Second, "/">(kinds);
    for (std::size_t i = 0; i < scopes.size(); ++i) {
        INFO(First.text << " and " << Second.text << ", kinds " << i % 8 << " and " << i / 8);
        std::vector<reference_rule> allow;
        std::vector<reference_rule> deny;
        add_rule_of(place_of(First.text), i % 8, allow, deny);
        add_rule_of(place_of(Second.text), i / 8, allow, deny);
        add_rule_of({}, 0, allow, deny);
        REQUIRE(disagreement(scopes[i], allow, deny, all).empty());
        REQUIRE(scopes[i].allow() == rules_of(allow));
        REQUIRE(scopes[i].deny() == rules_of(deny));
    }
}

} // namespace

TEST_CASE("Two fixed rules decide as a scope and the reference do in every relation", "[scope]") {
    const world all{alphabets().front(), 3};
    compare_all_kinds<"/a/b", "/a/b">(all);   // equal
    compare_all_kinds<"/a/b", "/a">(all);     // its parent
    compare_all_kinds<"/a/b", "/a/b/a">(all); // its child
    compare_all_kinds<"/a/b", "/a/a">(all);   // its sibling
    compare_all_kinds<"/a/b", "/a/bc">(all);  // begins like it
    compare_all_kinds<"/a/b", "/bc">(all);    // elsewhere
    compare_all_kinds<"/a/b", "/">(all);
}

TEST_CASE("A fixed rule and one for a grandchild decide as a scope and the reference do",
          "[scope]") {
    compare_all_kinds<"/a/b", "/a/b/a/b">(world{alphabets().front(), 4});
}

TEST_CASE("A fixed scope without a rule for everything allows what it says alone", "[scope]") {
    const world all{alphabets().front(), 3};
    static constexpr auto two =
        fixed_scope{fixed::may_write("/a/b").only_here(), fixed::may_read("/a/b/bc")};
    const std::vector<reference_rule> allow{{{"a", "b"}, permission::write, false},
                                            {{"a", "b", "bc"}, permission::read, true}};
    CHECK(disagreement(two, allow, {}, all).empty());
    static constexpr auto root = fixed_scope{fixed::may_write("/").only_here()};
    CHECK(disagreement(root, {{{}, permission::write, false}}, {}, all).empty());
    CHECK(disagreement(nothing, {}, {}, all).empty());
    static constexpr auto denies = fixed_scope{fixed::may_not_read("/")};
    CHECK(disagreement(denies, {}, {{{}, permission::read, true}}, all).empty());
}

TEST_CASE("Rules on a chain of places and beside it are told apart", "[scope]") {
    const world all{alphabets().front(), 4};
    static constexpr auto chain = fixed_scope{
        fixed::may_write("/a/a/a/a"),  fixed::may_not_write("/a/a/a"),
        fixed::may_write("/a"),        fixed::may_not_read("/a/a").only_here(),
        fixed::may_read("/bc/a/a"),    fixed::may_write("/bc/a/a/a").only_here(),
        fixed::may_write("/b/a/bc/b"), fixed::may_not_write("/b/a/bc/b").only_here(),
        fixed::may_read("/b/a"),
    };
    const std::vector<reference_rule> allow{{{"a", "a", "a", "a"}, permission::write, true},
                                            {{"a"}, permission::write, true},
                                            {{"bc", "a", "a"}, permission::read, true},
                                            {{"bc", "a", "a", "a"}, permission::write, false},
                                            {{"b", "a", "bc", "b"}, permission::write, true},
                                            {{"b", "a"}, permission::read, true}};
    const std::vector<reference_rule> deny{{{"a", "a", "a"}, permission::write, true},
                                           {{"a", "a"}, permission::read, false},
                                           {{"b", "a", "bc", "b"}, permission::write, false}};
    CHECK(disagreement(chain, allow, deny, all).empty());
}

namespace {

// "/packages/a-long-component-NNN/src": more than a table's worth, which fall on each other's
// places, and whose components are longer than the words that are hashed at once.
consteval auto numbered(std::size_t number) {
    char text[] = "/packages/a-long-component-000/src";
    constexpr std::size_t last = sizeof text - sizeof "/src";
    for (std::size_t i = 1; i <= 3; ++i, number /= 10)
        text[last - i] = static_cast<char>('0' + number % 10);
    return fixed::may_write(text);
}

template <std::size_t... Numbers>
consteval auto many_of(std::index_sequence<Numbers...>) {
    return fixed_scope{fixed::may_read("/packages"), numbered(Numbers)...};
}

} // namespace

TEST_CASE("A fixed scope allows nothing at what names no place", "[scope]") {
    // No constant, so that it is found out at run time, too.
    for (const auto text : {""sv, "ws/src"sv, "/ws/src\0"sv, "/ws/../../ws/src"sv})
        CHECK(mine.permission_at(text) == permission::none);
}

TEST_CASE("A fixed scope of many rules finds each and nothing else", "[scope]") {
    constexpr std::size_t count = 100;
    static constexpr auto many = many_of(std::make_index_sequence<count>{});
    const scope same = many.to_scope();
    REQUIRE(same.allow().size() == count + 1);
    std::size_t writable = 0;
    for (std::size_t i = 0; i < 2 * count; ++i) {
        const auto number = std::to_string(1000 + i).substr(1);
        const auto below = "/packages/a-long-component-" + number;
        for (const auto* rest : {"", "/src", "/src/a", "/srcs", "/src/a/b", "x/src"}) {
            const auto path = below + rest;
            INFO(path);
            REQUIRE(many.permission_at(path) ==
                    same.permission_at(lexical_path{}.resolve(path).value()));
            writable += many.allows(path, permission::write) ? 1U : 0U;
        }
    }
    CHECK(writable == 3 * count);
}

namespace {

// A text that lexical_path may or may not resolve, with the key that it resolves to.
void require_same_key(std::string_view text) {
    const auto resolved = lexical_path{}.resolve(text);
    std::vector<char> buffer(text.size()); // no more than the text has
    const auto written = scope_detail::write_key(text, buffer.data());
    INFO("'" << shown_text(text) << "'");
    REQUIRE((written.fault == scope_detail::path_fault::none) == resolved.has_value());
    if (resolved)
        REQUIRE(std::string_view{buffer.data(), written.size} == resolved->key());
}

} // namespace

TEST_CASE("A fixed scope reads a text as a lexical path does", "[scope]") {
    for (const auto text : {""sv, "/"sv, "//"sv, "/."sv, "/.."sv, "/a"sv, "a"sv, "/a/"sv,
                            "//a///b"sv, "/a/./b"sv, "/a/../b"sv, "/a/b/../.."sv, "/a/../../b"sv,
                            "/..a/.b/..."sv, "/a\0"sv, "\0"sv, "/.\0"sv, "/a/..b/../c"sv})
        require_same_key(text);
    for (const std::size_t letters : {254U, 255U, 256U, 300U}) {
        const auto component = std::string{"/"}.append(letters, 'a');
        require_same_key(component);
        require_same_key("/b" + component + "/..");
        require_same_key(std::string{"/"}.append(letters, '.'));
    }
    for (const std::size_t bytes : {4094U, 4095U, 4096U, 5000U}) {
        require_same_key(std::string(bytes, '/'));
        std::string deep;
        while (deep.size() + 2 <= bytes)
            deep += "/a";
        require_same_key(deep.append(bytes - deep.size(), 'a'));
    }
    std::mt19937_64 random{1};
    for (int i = 0; i < 100'000; ++i) {
        std::string text = "/";
        for (auto length = random() % 12; length != 0; --length)
            text += "//..ab"[random() % 6];
        require_same_key(text);
    }
}

namespace {

constexpr std::uint64_t word_of(std::string_view text) {
    std::uint64_t word = 0;
    for (std::size_t i = text.size(); i != 0; --i)
        word = word << 8U | static_cast<unsigned char>(text[i - 1]);
    return word;
}

constexpr std::uint64_t hash_of(std::string_view key) {
    scope_detail::key_walk walk{key};
    while (!walk.at_end())
        (void)walk.take();
    return walk.prefix_hash();
}

// "/twinNNNN" and eight bytes such that its key has the hash of that of "/original12345678", as
// somebody would make it who knows how a key is hashed.
consteval literal<18> twin() {
    const auto mixed = [](std::uint64_t word) {
        word *= 0x9E3779B97F4A7C15U;
        return word ^ word >> 32U;
    };
    literal<18> made{"/twin000000000000"};
    for (std::uint64_t number = 0;; ++number) {
        for (std::uint64_t digits = number, i = 8; i > 4; --i, digits /= 10)
            made.text[i] = static_cast<char>('0' + digits % 10);
        std::uint64_t second =
            mixed(word_of("original")) ^ word_of("12345678") ^ mixed(word_of({made.text + 1, 8}));
        for (std::size_t i = 9; i < 17; ++i, second >>= 8U)
            made.text[i] = static_cast<char>(static_cast<unsigned char>(second & 0xFFU));
        if (std::string_view{made.text + 9, 8}.find_first_of("\0/"sv) == std::string_view::npos)
            return made;
    }
}

constexpr literal<18> twin_text = twin();
constexpr auto twin_component = std::string_view{twin_text.text, 17}.substr(1);

} // namespace

TEST_CASE("A place whose hash is that of a target has none of its permissions", "[scope]") {
    const std::string path{twin_text.text};
    const auto place = resource{}.child(twin_component);
    REQUIRE(hash_of(place.key()) == hash_of("original12345678\0"sv));
    REQUIRE(hash_of(place.child("b").key()) == hash_of("original12345678\0b\0"sv));

    static constexpr auto original = fixed_scope{fixed::may_write("/original12345678")};
    CHECK(original.permission_at("/original12345678/b") == permission::write);
    CHECK(original.permission_at(path) == permission::none);
    CHECK(original.permission_at(path + "/b") == permission::none);

    static constexpr auto both = fixed_scope{
        fixed::may_read(twin_text.text),
        fixed::may_write("/original12345678/b"),
        fixed::may_write("/original12345678/c").only_here(),
    };
    for (const auto* below : {"", "/a", "/b", "/b/b", "/c", "/c/b"}) {
        INFO(below);
        CHECK(both.permission_at(path + below) == permission::read);
        CHECK(both.to_scope().permission_at(resource_of(place_of(path + below))) ==
              permission::read);
    }
    CHECK(both.permission_at("/original12345678") == permission::none);
    CHECK(both.permission_at("/original12345678/b/b") == permission::write);
    CHECK(both.permission_at("/original12345678/c/b") == permission::write);
}

TEST_CASE("A key that no resource has leads a fixed scope to nothing beyond its own text",
          "[scope]") {
    static constexpr auto deep = fixed_scope{fixed::may_write("/a/bbbbbbbbbbbbbbbbbbbbbbbbb/c")};
    for (const auto broken : {"a"sv, "a\0b"sv, "\0"sv, "a\0\0"sv, "a\0bbbbbbbbbbbbbbbbbbbbbbbbb"sv,
                              "a\0bbbbbbbbbbbbbbbbbbbbbbbbb\0c"sv, "aaaaaaaa"sv}) {
        const std::vector<char> exact(broken.begin(), broken.end()); // so that a read past it shows
        CHECK(deep.permission_at_key({exact.data(), exact.size()}) == permission::none);
    }
}

TEST_CASE("A fixed scope becomes an ordinary one or the rules of a manifest", "[scope]") {
    const scope same = mine.to_scope();
    CHECK(std::ranges::equal(same.allow(), mine.allow()));
    CHECK(same.layers().size() == 2);
    CHECK(std::ranges::all_of(same.layers(), &deny_layer::is_base));

    const auto given = mine.added_to(manifest{"planner"}.may(rules::read("/etc")));
    CHECK(given.name == "planner");
    const auto resolved = resolve(given, lexical_path{}).value();
    auto allow = mine.allow();
    allow.insert(allow.begin(), {resource_of({"etc"}), permission::read, true});
    CHECK(resolved.allow == allow);
    CHECK(resolved.deny == mine.deny());

    static constexpr auto whole = fixed_scope{fixed::may_write("//")};
    CHECK(whole.added_to(manifest{}).allow == std::vector{rules::write("/")});
}
