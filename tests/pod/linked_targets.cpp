// SPDX-License-Identifier: BSL-1.0
// Pods whose targets are paths that lead through symbolic links.
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/scope/canonical_path.hpp>
#include <podscope/session/memory.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;
namespace fs = std::filesystem;
namespace use = podscope::use;

// Folders with links between them, and a runtime for pods in them.
struct linked_scene {
    linked_scene() {
        fs::create_directories(in("real/mine/deep"));
        fs::create_directories(in("real/theirs"));
        std::ofstream{in("real/mine/file")} << "here";
        link("real", "way");
        link("../theirs", "real/mine/across");
        link("mine/deep", "real/deep");
        link("loop", "loop");
    }

    void link(const std::string& content, const std::string& at) const {
        fs::remove(in(at));
        fs::create_symlink(content, in(at));
    }

    [[nodiscard]] std::string in(std::string_view below) const {
        return root + '/' + std::string{below};
    }

    temporary_folder folder{};
    std::string root{fs::canonical(folder.path()).string()};
    podscope::basic_memory<podscope::pod_schema> store{};
    decltype(podscope::make_runtime(use::backend(store),
                                    use::sessions(podscope::memory_sessions{}),
                                    use::names(podscope::canonical_path{}))) library =
        podscope::make_runtime(use::backend(store),
                               use::sessions(podscope::memory_sessions{}),
                               use::names(podscope::canonical_path{}));
};

std::string owner_of(const linked_scene& in, std::string_view target) {
    const auto found = must(in.library.who(target));
    return found ? found->owner.pod : "";
}

TEST_CASE("F36 a file has one owner, however its path is spelt", "[pod]") {
    linked_scene s;
    // A file, a folder with what is in it, and a file that is not there yet.
    const std::vector<std::vector<std::string>> spellings{
        {"real/mine/file", "way/mine/file", "real//mine/./file", "real/deep/../file"},
        {"real/mine/deep", "way/mine/deep/", "real/deep", "way/deep", "real/mine/across/../deep",
         "real/mine/across/../mine/deep"},
        {"real/theirs/new/f", "way/theirs/new/f", "real/mine/across/new/f",
         "way/mine/across/new/f"},
    };
    for (const auto& one_place : spellings) {
        for (const auto& first : one_place) {
            CAPTURE(first);
            auto owner = must(s.library.create(writer("owner", s.in(first))));
            for (const auto& second : one_place) {
                CAPTURE(second);
                const auto path = s.in(second);
                CHECK(owner_of(s, path) == "owner");
                const auto refused = error_of(s.library.create(writer("other", path)));
                CHECK(refused.category == errc::conflict);
                REQUIRE(refused.competitors.size() == 1);
                CHECK(refused.competitors.front().pod == "owner");
                must(owner.check(path, permission::write));
                CHECK(must(owner.check_all(std::vector{path}, permission::write)).empty());
                CHECK(may_at(owner, path) == permission::write);
                must(s.library.validate(must(owner.permit_for(path, permission::write))));
            }
            must(owner.release());
            CHECK(must(s.library.find("owner")) == std::nullopt);
        }
    }
}

TEST_CASE("F36 what is handed on is what a link leads to", "[pod]") {
    linked_scene s;
    auto planner = must(s.library.create(writer("planner", s.in("real/mine"))));
    // It lies below what the planner has, and leads to where somebody else may be.
    CHECK(why_not(planner.delegate(writer("child", s.in("real/mine/across")))) ==
          errc::not_within_authority);
    CHECK(why_not(planner.check(s.in("real/mine/across/f"), permission::read)) == errc::denied);
    auto theirs = must(s.library.create(writer("theirs", s.in("real/mine/across"))));
    CHECK(owner_of(s, s.in("real/theirs/f")) == "theirs");

    auto child = must(s.library.adopt(must(planner.delegate(writer("child", s.in("way/deep"))))));
    for (const auto* path : {"real/mine/deep/f", "real/deep/f", "way/mine/deep/f"}) {
        CAPTURE(path);
        CHECK(owner_of(s, s.in(path)) == "child");
        CHECK(may_at(child, s.in(path)) == permission::write);
        CHECK(may_at(planner, s.in(path)) == permission::read);
    }
    CHECK(why_not(planner.delegate(writer("second", s.in("real/mine/deep")))) == errc::conflict);
    must(planner.reclaim("child"));
    CHECK(may_at(planner, s.in("real/deep/f")) == permission::write);
}

TEST_CASE("F37 a pod stays where it is when a link that named the place leads elsewhere", "[pod]") {
    linked_scene s;
    const auto wanted = writer("planner", s.in("real/deep"));
    auto planner = must(s.library.create(wanted));
    s.link("theirs", "real/deep");
    CHECK(owner_of(s, s.in("real/mine/deep/f")) == "planner");
    CHECK(owner_of(s, s.in("real/deep/f")).empty());
    CHECK(why_not(planner.check(s.in("real/deep/f"), permission::write)) == errc::denied);
    must(planner.check(s.in("real/mine/deep/f"), permission::write));

    // A record has the place, and a manifest the path.
    SECTION("a record has the place") {
        { const auto gone = std::move(planner); }
        auto back = must(s.library.restore("planner"));
        CHECK(owner_of(s, s.in("real/mine/deep/f")) == "planner");
        CHECK(owner_of(s, s.in("real/deep/f")).empty());
    }
    SECTION("a manifest has the path") {
        { const auto gone = std::move(planner); }
        auto back = must(s.library.restore(wanted));
        CHECK(owner_of(s, s.in("real/mine/deep/f")).empty());
        CHECK(owner_of(s, s.in("real/deep/f")) == "planner");
    }
    SECTION("a manifest has the path, where somebody else is by now") {
        { const auto gone = std::move(planner); }
        auto theirs = must(s.library.create(writer("theirs", s.in("real/theirs"))));
        CHECK(why_not(s.library.restore(wanted)) == errc::conflict);
    }
}

TEST_CASE("F36 F37 a path that leads nowhere is refused by every way in", "[pod]") {
    linked_scene s;
    auto planner = must(s.library.create(orchestrator("planner", s.in("real"))));
    const auto before = stored_state{s.store};
    for (const auto& path :
         {s.in("loop"), s.in("loop/f"), s.in("real/mine/file/f"), s.in("real/mine/file/.."),
          s.in("real/mine/new/../f"), std::string{"real/mine"}, std::string{"/.."}}) {
        CAPTURE(path);
        CHECK(why_not(s.library.create(writer("root", path))) == errc::invalid_target);
        CHECK(why_not(s.library.restore(writer("planner", path))) == errc::invalid_target);
        CHECK(why_not(planner.delegate(writer("child", path))) == errc::invalid_target);
        CHECK(why_not(planner.check(path, permission::read)) == errc::invalid_target);
        CHECK(why_not(planner.permit_for(path, permission::read)) == errc::invalid_target);
        CHECK(why_not(s.library.who(path)) == errc::invalid_target);
        const auto refused = must(planner.check_all(std::vector{path}, permission::read));
        REQUIRE(refused.size() == 1);
        CHECK(refused.front().category == errc::invalid_target);
    }
    CHECK(stored_state{s.store} == before);
}

} // namespace
