// SPDX-License-Identifier: BSL-1.0
// Names that would lead out of a runtime's folder if anybody took one for a path.
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/pod/open_runtime.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/session/file.hpp>
#include <podscope/session/replay.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace podscope_test;
using podscope::epoch;
using podscope::errc;
namespace fs = std::filesystem;
namespace use = podscope::use;

// What a file or folder shows of whatever was done with it. A file that has not been read since it
// was written says when it is.
auto traces_at(const std::string& path) {
    struct stat facts{};
    REQUIRE(::lstat(path.c_str(), &facts) == 0);
    const auto ticks = [](const timespec& time) { return std::pair{time.tv_sec, time.tv_nsec}; };
    const bool is_file = S_ISREG(facts.st_mode);
    return std::tuple{facts.st_ino,         facts.st_mode,
                      facts.st_uid,         facts.st_nlink,
                      facts.st_size,        ticks(facts.st_mtim),
                      ticks(facts.st_ctim), is_file ? ticks(facts.st_atim) : std::pair{0L, 0L}};
}

// A runtime's folder, and around it what a name might lead to.
struct scene {
    scene() {
        // A segment that could be read and written as well as one of the runtime's own.
        auto sessions = must(podscope::file_sessions::open(in("elsewhere")));
        const auto id = must(sessions.create({}));
        must(sessions.append(id, {.kind = "theirs"}));
        fs::create_directory(in("outside"));
        for (const auto* name : {"file", "file.jsonl"}) {
            fs::copy_file(in("elsewhere/" + id + ".jsonl"), in("outside/") + name);
        }
        fs::create_symlink("file", in("outside/link.jsonl"));
    }

    [[nodiscard]] std::string in(const std::string& below) const { return root / below; }

    // All that is not below the runtime's folder.
    [[nodiscard]] auto outside() const {
        std::map<std::string, decltype(traces_at(""))> all;
        for (auto one = fs::recursive_directory_iterator{root.path()}; one != end(one); ++one) {
            if (one->path() == in("store")) {
                one.disable_recursion_pending();
            } else {
                all.emplace(one->path(), traces_at(one->path()));
            }
        }
        return all;
    }

    temporary_folder root{};
};

std::vector<std::string> escaping_names(const scene& s) {
    using namespace std::string_literals;
    return {"",
            ".",
            "..",
            "../outside/file",
            "../outside/link",
            "../../outside/file",
            "../../outside/link",
            "../../outside/file.jsonl\0x"s,
            "../../outside/new",
            s.in("outside/file"),
            s.in("outside/new"),
            s.in("outside/file.jsonl\0x"s),
            "../../outside/file\n",
            "../../outside/" + std::string(256, 'n'),
            "../../outside/\xff"};
}

// For entries that nobody should be able to read.
constexpr auto no_visit = [](auto&&...) {
    FAIL_CHECK("an entry was read");
    return podscope::scan::next;
};

TEST_CASE("F35 no name that is refused has touched a file outside the root", "[pod]") {
    const scene s;
    auto library =
        must(podscope::open_runtime(s.in("store"), use::names(podscope::lexical_path{})));
    auto planner = must(library.create(writer("planner", "/ws")));
    const auto grant = must(planner.delegate(writer("child", "/ws/a")));
    auto sessions = must(podscope::file_sessions::open(s.in("store/sessions")));
    const auto before = s.outside();
    for (const auto& name : escaping_names(s)) {
        CAPTURE(name);
        // As the name of a pod.
        CHECK(why_not(library.create(writer(name, "/elsewhere"))) == errc::invalid_name);
        CHECK(why_not(library.create(writer("other", "/elsewhere").knows(name))) ==
              errc::invalid_name);
        CHECK(why_not(planner.delegate(writer(name, "/ws/b"))) == errc::invalid_name);
        CHECK(why_not(library.adopt({name, epoch{1}})) == errc::invalid_name);
        CHECK(why_not(library.restore(name)) == errc::invalid_name);
        CHECK(why_not(library.restore(writer(name, "/elsewhere"))) == errc::invalid_name);
        CHECK(why_not(library.record_of(name)) == errc::unknown_pod);
        CHECK_FALSE(must(library.find(name)));
        CHECK(must(library.history_of(name)).empty());
        CHECK_FALSE(must(library.deliver(name)).changed());
        CHECK_FALSE(must(planner.reclaim(name)).changed());

        // As that of a session segment.
        if (!name.empty()) { // which is for a fresh one, or for none
            CHECK(why_not(library.create(writer("other", "/elsewhere"), {.segment = name})) ==
                  errc::unknown_segment);
            CHECK(why_not(library.adopt(grant, {.segment = name})) == errc::unknown_segment);
            CHECK(why_not(podscope::replay(sessions, name, no_visit)) == errc::unknown_segment);
        }
        CHECK(why_not(planner.switch_segment(name)) == errc::unknown_segment);
        CHECK(why_not(sessions.append(name, {.kind = "x"})) == errc::unknown_segment);
        CHECK(why_not(sessions.info(name)) == errc::unknown_segment);
        CHECK(why_not(sessions.read(name, 0, no_visit)) == errc::unknown_segment);
        CHECK(s.outside() == before);
    }
}

TEST_CASE("F35 no line of descent that a segment is given leads out of the root", "[pod]") {
    const scene s;
    auto sessions = must(podscope::file_sessions::open(s.in("store")));
    const auto before = s.outside();
    for (const auto& name : escaping_names(s)) {
        CAPTURE(name);
        auto made = sessions.create({.forked_from = name, .at = 1});
        if (!made || name.empty()) {
            CHECK((made || made.error().category == errc::invalid_entry));
            continue;
        }
        CHECK(why_not(podscope::replay(sessions, *made, no_visit)) == errc::unknown_segment);
    }
    CHECK(s.outside() == before);
}

} // namespace
