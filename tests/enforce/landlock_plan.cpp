// SPDX-License-Identifier: BSL-1.0
#include "enforce/confined.hpp"
#include "support/effort.hpp"

#include <podscope/enforce/landlock_plan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace podscope_test;
using namespace podscope::enforce;
using podscope::permission;
using podscope::resource;
using podscope::scope;

namespace {

resource at(const std::string& path) {
    return must(podscope::lexical_path{}.resolve(path));
}

// A tree of places that stands in no file system.
class drawn_tree {
public:
    void draw(const std::string& path, entry_kind kind) { draw(at(path), kind); }

    void draw(const resource& place, entry_kind kind) { kinds_[place] = kind; }

    [[nodiscard]] podscope::result<entry_kind> kind_of(const resource& place) const {
        const auto found = kinds_.find(place);
        return found == kinds_.end() ? entry_kind::missing : found->second;
    }

    [[nodiscard]] podscope::result<std::vector<std::string>>
    entries_of(const resource& place) const {
        listed_.insert(place);
        std::vector<std::string> names;
        for (const auto& [other, kind] : kinds_) {
            if (place.is_parent_of(other)) {
                const std::string_view key = other.key();
                names.emplace_back(
                    key.substr(place.key().size(), key.size() - place.key().size() - 1));
            }
        }
        return names;
    }

    [[nodiscard]] const std::set<resource>& listed() const { return listed_; }

    [[nodiscard]] const std::map<resource, entry_kind>& all() const { return kinds_; }

private:
    std::map<resource, entry_kind> kinds_{};
    mutable std::set<resource> listed_{};
};

static_assert(tree_view<drawn_tree>);

drawn_tree workspace() {
    drawn_tree tree;
    for (const auto* folder : {"/", "/ws", "/ws/a", "/ws/a/b", "/ws/a/c", "/ws/d"}) {
        tree.draw(folder, entry_kind::folder);
    }
    for (const auto* file : {"/ws/file", "/ws/a/file", "/ws/a/b/file"}) {
        tree.draw(file, entry_kind::file);
    }
    return tree;
}

std::string text_of(const landlock_plan& plan) {
    std::string text;
    for (const auto& rule : plan.rules) {
        text += std::string{to_string(rule.access)} + " " +
                podscope::lexical_path{}.display(rule.place) +
                (rule.kind == entry_kind::folder ? "/ " : " ");
    }
    for (const auto& one : plan.gaps) {
        text += "[" + std::string{one.allows_more ? "more " : "less "} +
                std::string{to_string(one.access)} + " " +
                podscope::lexical_path{}.display(one.place) + "] ";
    }
    return text;
}

std::string planned(const scope& of, rounding where_to, bool reads = false) {
    return text_of(must(plan_for(of, workspace(), where_to, reads)));
}

// What a kernel with those rules lets do at a place: by the right at the place itself if that is no
// folder, or by one at a folder above it.
bool lets(const landlock_plan& plan, const resource& place, permission access) {
    for (const auto& rule : plan.rules) {
        const bool covers = rule.kind == entry_kind::folder
                                ? rule.place.contains(place) && rule.place != place
                                : rule.place == place;
        if (rule.access == access && covers) {
            return true;
        }
    }
    return false;
}

bool lets_list(const landlock_plan& plan, const resource& folder) {
    return std::ranges::any_of(plan.rules, [&](const planned_rule& rule) {
        return rule.access == permission::read && rule.place.contains(folder);
    });
}

// A tree of which nothing can be said from one question on; and of which some of what was listed is
// gone when it is looked at.
struct troubled_tree {
    [[nodiscard]] podscope::result<entry_kind> kind_of(const resource& place) const {
        if (left == 0) {
            return podscope::fail({.category = podscope::errc::io, .subject = "kind"});
        }
        --left;
        return place == gone ? entry_kind::missing : tree.kind_of(place);
    }

    [[nodiscard]] podscope::result<std::vector<std::string>>
    entries_of(const resource& place) const {
        if (left == 0) {
            return podscope::fail({.category = podscope::errc::io, .subject = "entries"});
        }
        --left;
        return tree.entries_of(place);
    }

    drawn_tree tree = workspace();
    mutable std::size_t left = 1'000;
    resource gone = at("/nowhere");
};

} // namespace

TEST_CASE("What is allowed as a tree is one rule, and no folder is read for it", "[enforce]") {
    const auto tree = workspace();
    const auto plan = must(plan_for(scope_of({may_write("/ws")}), tree, rounding::down, true));
    CHECK(text_of(plan) == "read /ws/ write /ws/ ");
    CHECK(tree.listed().empty());
    CHECK(planned(scope_of({may_read("/ws"), may_write("/ws/a")}), rounding::down, true) ==
          "read /ws/ read /ws/a/ write /ws/a/ ");
    CHECK(planned(scope_of({may_write("/ws/file")}), rounding::down) == "write /ws/file ");
}

TEST_CASE("What is denied below becomes rights at what stands beside it", "[enforce]") {
    const auto scope = scope_of({may_write("/ws")}, {may_write("/ws/a/b")});
    CHECK(planned(scope, rounding::down, true) ==
          "read /ws/ write /ws/a/c/ write /ws/a/file write /ws/d/ write /ws/file "
          "[less write /ws] [less write /ws/a] ");
    CHECK(planned(scope, rounding::up, true) == "read /ws/ write /ws/ [more write /ws/a/b] ");
    const auto tree = workspace();
    (void)must(plan_for(scope, tree, rounding::down, true));
    CHECK(tree.listed() == std::set{at("/ws"), at("/ws/a")});

    // Of what is not there, the folder that it would be made in.
    CHECK(planned(scope_of({may_write("/ws")}, {may_write("/ws/d/e/f")}), rounding::down) ==
          "write /ws/a/ write /ws/file [less write /ws] [less write /ws/d] ");
    CHECK(planned(scope_of({may_write("/ws")}, {may_read("/ws/a")}), rounding::down, true) ==
          "read /ws/d/ read /ws/file write /ws/d/ write /ws/file "
          "[less read /ws] [less write /ws] ");
    CHECK(planned(scope_of({may_write("/ws/a")}, {may_write("/ws")}), rounding::down, true) ==
          "read /ws/a/ ");
    CHECK(planned(scope_of({may_write("/ws/a")}, {may_write("/ws")}), rounding::up, true) ==
          "read /ws/a/ ");
}

TEST_CASE("A rule that is not recursive becomes rights at the files that are there", "[enforce]") {
    const auto scope = scope_of({rule_at("/ws", permission::write, false)});
    CHECK(planned(scope, rounding::down) == "write /ws/file [less write /ws] ");
    CHECK(planned(scope, rounding::up) == "write /ws/ [more write /ws] ");
    // What is denied for a folder and its children says nothing of what is further down.
    const auto shallow = scope_of({may_write("/ws")}, {rule_at("/ws/a", permission::write, false)});
    CHECK(planned(shallow, rounding::down) ==
          "write /ws/a/b/ write /ws/a/c/ write /ws/d/ write /ws/file "
          "[less write /ws] [less write /ws/a] ");
}

TEST_CASE("A target that is not there has no rights, whatever the rounding", "[enforce]") {
    for (const auto* path : {"/ws/new", "/ws/file/new"}) {
        const auto scope = scope_of({may_write(path)});
        CHECK(planned(scope, rounding::down) == "[less write " + std::string{path} + "] ");
        CHECK(planned(scope, rounding::up) == "[less write " + std::string{path} + "] ");
    }
}

// Rights are asked at every place that is there, and at one more name in each folder, which no rule
// names: what could be made there.
TEST_CASE("A plan never allows more rounded down, nor refuses anything rounded up",
          "[enforce][random]") {
    const std::vector<std::string> names{"a", "b"};
    std::size_t allowed = 0;
    std::size_t withheld = 0;
    std::size_t granted_in_excess = 0;
    for (std::uint64_t seed = 0; seed != rounds("PODSCOPE_RULE_SETS", 3000); ++seed) {
        std::mt19937_64 random{seed};
        const auto below = [&](std::uint64_t n) { return random() % n; };
        drawn_tree tree;
        std::vector<resource> places{resource{}};
        tree.draw(resource{}, entry_kind::folder);
        std::set<resource> asked;
        for (std::size_t i = 0; i != places.size(); ++i) {
            const auto here = places[i];
            asked.insert(here.child("new"));
            for (const auto& name : names) {
                const auto entry = here.child(name);
                asked.insert(entry);
                if (below(5) == 0) {
                    continue;
                }
                const bool is_folder = entry.depth() < 3 && below(4) != 0;
                tree.draw(entry, is_folder ? entry_kind::folder : entry_kind::file);
                if (is_folder) {
                    places.push_back(entry);
                }
            }
        }
        const auto rules = [&] {
            std::vector<podscope::scope_rule> made(below(4));
            for (auto& rule : made) {
                for (auto depth = below(4); depth != 0; --depth) {
                    rule.target.push(names[below(2)]);
                }
                rule.access = below(2) == 0 ? permission::read : permission::write;
                rule.recursive = below(3) != 0;
            }
            return made;
        };
        const auto chosen = scope_of(rules(), rules());
        const auto down = must(plan_for(chosen, tree, rounding::down, true));
        const auto up = must(plan_for(chosen, tree, rounding::up, true));
        for (const auto& place : places) {
            if (lets_list(down, place) && !chosen.allows(place, permission::read)) {
                FAIL("seed " << seed << ": a folder can be listed that must not be read");
            }
        }
        for (const auto& place : asked) {
            const auto kind = must(tree.kind_of(place));
            for (const auto access : {permission::read, permission::write}) {
                const bool should = chosen.allows(place, access);
                const bool does = lets(down, place, access);
                INFO("seed " << seed << " at " << podscope::lexical_path{}.display(place) << " "
                             << to_string(access) << ": " << text_of(down));
                if (does && !should) {
                    FAIL("rounded down, more is allowed");
                }
                if (kind == entry_kind::file && should && !does) {
                    FAIL("rounded down, a file that is there is forgotten");
                }
                if (should && !lets(up, place, access) && kind == entry_kind::file) {
                    FAIL("rounded up, a file is refused: " << text_of(up));
                }
                if (should && !does && kind == entry_kind::missing && down.gaps.empty() &&
                    lets(up, place, access)) {
                    FAIL("it is refused and not in the report");
                }
                if (!should && lets(up, place, access) && up.gaps.empty()) {
                    FAIL("it is let through and not in the report");
                }
                allowed += does ? 1U : 0U;
                withheld += should && !does ? 1U : 0U;
                granted_in_excess += lets(up, place, access) && !should ? 1U : 0U;
            }
        }
    }
    CHECK(allowed > 0);
    CHECK(withheld > 0);
    CHECK(granted_in_excess > 0);
}

TEST_CASE("A tree that cannot be looked at has no plan, and what is gone no rights", "[enforce]") {
    const auto scope = scope_of({may_write("/ws")}, {may_write("/ws/a/b")});
    for (const auto where_to : {rounding::down, rounding::up}) {
        std::size_t questions = 0;
        for (;; ++questions) {
            troubled_tree tree;
            tree.left = questions;
            const auto plan = plan_for(scope, tree, where_to, true);
            if (plan) {
                break;
            }
            REQUIRE(plan.error().category == podscope::errc::io);
        }
        CHECK(questions >= (where_to == rounding::down ? 8U : 2U));
    }
    troubled_tree tree;
    tree.gone = at("/ws/d");
    CHECK(text_of(must(plan_for(scope, tree, rounding::down, false))) ==
          "write /ws/a/c/ write /ws/a/file write /ws/file [less write /ws] [less write /ws/a] ");
}
