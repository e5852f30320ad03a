// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/scope/canonical_path.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace podscope;
using namespace std::string_view_literals;
namespace fs = std::filesystem;

namespace {

// A folder of its own, whose own path has no link in it.
class scratch {
public:
    [[nodiscard]] std::string path(const std::string& below = {}) const {
        return below.empty() ? root_ : root_ + "/" + below;
    }

    void folder(const std::string& below) const { fs::create_directories(path(below)); }

    void file(const std::string& below) const { std::ofstream{path(below)} << "content"; }

    void link(const std::string& below, const std::string& content) const {
        fs::create_symlink(content, path(below));
    }

    /// Where a path below leads, as a path below; or the error's category.
    [[nodiscard]] std::string leads_to(const std::string& below) const {
        const canonical_path names;
        const auto place = names.resolve(path(below));
        if (!place)
            return std::string{to_string(place.error().category)};
        const auto text = names.display(*place);
        CHECK(names.resolve(text).value() == *place);
        if (text == root_)
            return "";
        return text.starts_with(root_ + "/") ? text.substr(root_.size() + 1) : text;
    }

    [[nodiscard]] error refusal_of(const std::string& below) const {
        auto place = canonical_path{}.resolve(path(below));
        REQUIRE_FALSE(place);
        return place.error();
    }

private:
    podscope_test::temporary_folder folder_{};
    std::string root_{fs::canonical(folder_.path()).string()};
};

} // namespace

TEST_CASE("F36 canonical paths without links are what they are as text", "[scope]") {
    const scratch in;
    in.folder("a/b");
    in.file("a/f");
    CHECK(in.leads_to("a/b") == "a/b");
    CHECK(in.leads_to("a//b///") == "a/b");
    CHECK(in.leads_to("a/./b/.") == "a/b");
    CHECK(in.leads_to("a/b/../f") == "a/f");
    CHECK(in.leads_to("a/b/../../a/b/..") == "a");
    CHECK(in.leads_to("a/f/") == "a/f");
    const canonical_path names;
    CHECK(names.display(names.resolve("/").value()) == "/");
    CHECK(names.display(names.resolve("//").value()) == "/");
    CHECK(names.display(names.resolve("/.").value()) == "/");
}

TEST_CASE("F36 canonical paths refuse what no path may be", "[scope]") {
    const canonical_path names;
    const std::string deep(2048, 'a');
    std::string many;
    for (int i = 0; i < 10'000; ++i)
        many += "/a";
    for (const auto text : {""sv, "a"sv, "./a"sv, "../a"sv, "/a\0b"sv, "/.."sv, "/../tmp"sv,
                            "/tmp/../.."sv, "/tmp/../../tmp"sv, std::string_view{many}}) {
        const auto place = names.resolve(text);
        REQUIRE_FALSE(place);
        CHECK(place.error().category == errc::invalid_target);
        CHECK(place.error().system == std::error_code{}); // it was not asked
    }
    const std::string component(256, 'x');
    for (const auto& text : {"/" + component, "/nowhere-at-all/" + component})
        CHECK(names.resolve(text).error().category == errc::invalid_target);
    CHECK(names.resolve("/nowhere-at-all/" + component.substr(1)));
}

TEST_CASE("F36 a link to a sibling's region leads to the sibling's region", "[scope]") {
    const scratch in;
    in.folder("mine");
    in.folder("theirs/deep");
    in.link("mine/way", "../theirs");
    in.link("mine/far", in.path("theirs/deep"));
    CHECK(in.leads_to("mine/way") == "theirs");
    CHECK(in.leads_to("mine/way/deep/new") == "theirs/deep/new");
    CHECK(in.leads_to("mine/far/new") == "theirs/deep/new");
    // `..` goes back from where the link led, not from where it lies.
    CHECK(in.leads_to("mine/far/..") == "theirs");
    CHECK(in.leads_to("mine/way/..") == "");

    const canonical_path names;
    const scope s{{{names.resolve(in.path("mine")).value(), permission::write, true}}};
    CHECK(s.permission_at(names.resolve(in.path("mine/new")).value()) == permission::write);
    CHECK(s.permission_at(names.resolve(in.path("mine/way/new")).value()) == permission::none);
}

TEST_CASE("F37 a link out of a scope is followed and is outside", "[scope]") {
    const scratch in;
    in.folder("ws");
    in.link("ws/out", "/etc");
    CHECK(in.leads_to("ws/out/passwd") == "/etc/passwd");
    in.link("ws/root", "/");
    CHECK(in.leads_to("ws/root/etc/passwd") == "/etc/passwd");
    // Above the root a link stays at the root, as it does for the kernel.
    in.link("ws/up", "/..");
    CHECK(in.leads_to("ws/up/etc/..") == "/");
    in.link("ws/above", "../../../../../../../../../../../../../../etc");
    CHECK(in.leads_to("ws/above") == "/etc");
    in.link("ws/slash", "/");
    CHECK(in.refusal_of("ws/slash/..").category == errc::invalid_target);
    CHECK(in.refusal_of("ws/slash/../etc").message.find("above the root") != std::string::npos);
}

TEST_CASE("F37 links through links are followed to their end", "[scope]") {
    const scratch in;
    in.folder("end/of");
    in.link("last", "end");
    in.link("middle", "./last//");
    in.link("first", in.path("middle/."));
    CHECK(in.leads_to("first/of") == "end/of");
    CHECK(in.leads_to("first/../first/of/../of") == "end/of");
}

TEST_CASE("F37 a missing tail is kept as it is written", "[scope]") {
    const scratch in;
    in.folder("a");
    in.link("way", "a");
    in.link("dangling", "a/not/yet");
    CHECK(in.leads_to("a/not/here") == "a/not/here");
    CHECK(in.leads_to("a/not//here/./x/") == "a/not/here/x");
    CHECK(in.leads_to("way/not") == "a/not");
    CHECK(in.leads_to("dangling") == "a/not/yet");
    CHECK(in.leads_to("dangling/x") == "a/not/yet/x");
}

TEST_CASE("F37 what a missing folder would be left for is not guessed", "[scope]") {
    const scratch in;
    in.folder("a");
    in.link("dangling", "not/../a");
    for (const auto* below : {"a/not/..", "a/not/../x", "a/not/x/../y", "dangling", "dangling/x"}) {
        const auto refused = in.refusal_of(below);
        CHECK(refused.category == errc::invalid_target);
        CHECK(refused.message.find("does not exist") != std::string::npos);
        CHECK(refused.system == std::errc::no_such_file_or_directory);
    }
    CHECK(in.refusal_of("a/not/../x").path == in.path("a/not"));
}

TEST_CASE("F37 a loop of links is refused and named", "[scope]") {
    const scratch in;
    in.link("self", "self");
    in.link("one", "two");
    in.link("two", "one");
    in.folder("d");
    in.link("d/grows", "grows/x");
    for (const auto* below : {"self", "self/x", "one", "two/x/y", "d/grows"}) {
        const auto refused = in.refusal_of(below);
        CHECK(refused.category == errc::invalid_target);
        CHECK(refused.system == std::errc::too_many_symbolic_link_levels);
        CHECK(refused.path.starts_with(in.path()));
    }
    CHECK(in.refusal_of("self").message.find(in.path("self")) != std::string::npos);
}

TEST_CASE("F37 forty links are followed and forty-one are not", "[scope]") {
    const scratch in;
    in.folder("0");
    for (int i = 1; i <= 41; ++i)
        in.link(std::to_string(i), std::to_string(i - 1));
    CHECK(in.leads_to("40") == "0");
    CHECK(in.refusal_of("41").system == std::errc::too_many_symbolic_link_levels);
    // The kernel sets the same limit.
    CHECK(::access(in.path("40").c_str(), F_OK) == 0);
    CHECK(::access(in.path("41").c_str(), F_OK) == -1);
    CHECK(errno == ELOOP);
}

TEST_CASE("F37 a component that is a file is refused and named", "[scope]") {
    const scratch in;
    in.folder("a");
    in.file("a/f");
    in.link("a/way", "f");
    for (const auto* below : {"a/f/x", "a/f/x/y", "a/f/.", "a/f/..", "a/f/../b", "a/way/x"}) {
        INFO(below);
        const auto refused = in.refusal_of(below);
        CHECK(refused.category == errc::invalid_target);
        CHECK(refused.system == std::errc::not_a_directory);
        CHECK(refused.path == in.path("a/f"));
        CHECK(refused.message.find("not a folder") != std::string::npos);
    }
}

TEST_CASE("F37 a place where this process may not look is refused and named", "[scope]") {
    const scratch in;
    in.folder("closed/in");
    fs::permissions(in.path(),
                    fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    fs::permissions(in.path("closed"), fs::perms::owner_all);
    if (::geteuid() != 0)
        PODSCOPE_SKIP("it takes root to become somebody else");
    REQUIRE(::seteuid(65534) == 0);
    const auto named = canonical_path{}.resolve(in.path("closed/in"));
    const auto left = canonical_path{}.resolve(in.path("closed/."));
    REQUIRE(::seteuid(0) == 0);
    REQUIRE_FALSE(named);
    CHECK(named.error().category == errc::invalid_target);
    CHECK(named.error().system == std::errc::permission_denied);
    CHECK(named.error().path == in.path("closed/in"));
    REQUIRE_FALSE(left);
    CHECK(left.error().path == in.path("closed"));
    CHECK(in.leads_to("closed/in") == "closed/in");
}

TEST_CASE("F36 a path that links make too long is refused", "[scope]") {
    const scratch in;
    // A folder deep enough that a short link to it and a long rest are too long together.
    std::string deep;
    while (in.path(deep).size() < 2500)
        deep += (deep.empty() ? "" : "/") + std::string(200, 'd');
    in.folder(deep);
    in.link("short", in.path(deep));
    CHECK(in.leads_to("short/x") == deep + "/x");
    std::string rest = "short";
    while (rest.size() < 2000)
        rest += "/" + std::string(200, 'r');
    const auto refused = in.refusal_of(rest);
    CHECK(refused.category == errc::invalid_target);
    CHECK(refused.message.find("4095") != std::string::npos);
}

TEST_CASE("F37 a place is asked for without a look into it", "[scope]") {
    const scratch in;
    REQUIRE(::mkfifo(in.path("fifo").c_str(), 0600) == 0);
    CHECK(in.leads_to("fifo") == "fifo"); // and nobody waits for whoever would write there
    const auto root = scope_detail::open_place("/");
    CHECK((::fcntl(root.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_FALSE(scope_detail::open_place("/proc/self/exe"));
}

TEST_CASE("F37 as many links are followed as the kernel follows", "[scope]") {
    const scratch in;
    in.folder("folder/x");
    in.link("1", "folder");
    for (int i = 2; i <= 41; ++i)
        in.link(std::to_string(i), std::to_string(i - 1));
    // By a walk of its own, since of `..` the kernel is not asked.
    CHECK(in.leads_to("40/x/..") == "folder");
    const auto refused = in.refusal_of("41/x/..");
    CHECK(refused.message.find("40 symbolic links") != std::string::npos);
    CHECK(refused.system == std::errc::too_many_symbolic_link_levels);
}

TEST_CASE("F36 the longest link and the longest path are followed", "[scope]") {
    const scratch in;
    in.folder("folder/x");
    in.link("long", std::string(lexical_path::max_length - in.path("folder").size(), '/') +
                        in.path("folder"));
    CHECK(in.leads_to("long/x/..") == "folder");

    // Behind a link, so that what is reached is longer than the text.
    std::string missing;
    while (in.path("folder").size() + missing.size() + 1 + 255 <= lexical_path::max_length)
        missing += "/" + std::string(255, 'm');
    missing +=
        "/" +
        std::string(lexical_path::max_length - in.path("folder").size() - missing.size() - 1, 'm');
    in.link("f", "folder");
    CHECK(in.leads_to("f/." + missing) == "folder" + missing);
    CHECK(in.refusal_of("f/." + missing + "m").message.find("4095") != std::string::npos);
}

TEST_CASE("F36 what is missing further down than a path may reach is refused", "[scope]") {
    const scratch in;
    std::string deep = std::string(250, 'd');
    while (in.path(deep).size() < 3800)
        deep += "/" + std::string(250, 'd');
    in.folder(deep);
    in.link("short", in.path(deep));
    CHECK(in.leads_to("short/x") == deep + "/x");
    const auto refused = in.refusal_of("short/" + std::string(255, 'm') + "/..");
    CHECK(refused.category == errc::invalid_target);
    CHECK(in.refusal_of("short/" + std::string(255, 'm')).category == errc::invalid_target);
}

// What a check cannot promise, shown: the answer is that of the moment, whole, and what was
// resolved before stays where it was.
TEST_CASE("F37 a link swapped between check and use moves the path but not the rule", "[scope]") {
    const scratch in;
    in.folder("safe");
    in.folder("other");
    in.link("way", "safe");
    const canonical_path names;
    const scope s{{{names.resolve(in.path("way")).value(), permission::write, true}}};
    const auto checked = names.resolve(in.path("way/x")).value();
    CHECK(s.permission_at(checked) == permission::write);

    fs::remove(in.path("way"));
    in.link("way", "other");
    CHECK(s.permission_at(names.resolve(in.path("way/x")).value()) == permission::none);
    CHECK(s.permission_at(names.resolve(in.path("safe/x")).value()) == permission::write);
    std::ofstream{in.path("way/x")} << "the use of the path that was checked";
    CHECK(fs::exists(in.path("other/x")));
}

TEST_CASE("F37 while a link is swapped the answer is one of its two places",
          "[scope][concurrent]") {
    const scratch in;
    in.folder("left/x");
    in.folder("right/x");
    in.link("way", "left");
    std::atomic<bool> stop{false};
    std::thread swaps{[&] {
        for (bool left = false; !stop; left = !left) {
            in.link("next", left ? "left" : "right");
            fs::rename(in.path("next"), in.path("way"));
        }
    }};
    const canonical_path names;
    const auto left = names.resolve(in.path("left/x")).value();
    const auto right = names.resolve(in.path("right/x")).value();
    std::size_t lefts = 0;
    std::size_t rights = 0;
    std::string wrong;
    for (int i = 0; i < 200'000 && wrong.empty() && (lefts < 20 || rights < 20); ++i) {
        const auto place = names.resolve(in.path("way/x"));
        if (!place)
            wrong = place.error().message;
        else if (*place == left)
            ++lefts;
        else if (*place == right)
            ++rights;
        else
            wrong = names.display(*place);
    }
    stop = true;
    swaps.join();
    CHECK(wrong.empty());
    CHECK(lefts > 0);
    CHECK(rights > 0);
}

TEST_CASE("F37 canonical paths agree with the kernel on every short path through links",
          "[scope]") {
    const scratch in;
    in.folder("a/b");
    in.folder("c");
    in.file("f");
    in.link("a/l", "../c");
    in.link("c/m", in.path("a/b"));
    in.link("c/n", "../f");
    in.link("a/b/up", "../..");
    const std::vector<std::string> parts{"a", "b", "c", "f", "l", "m", "n", "up", ".", ".."};
    std::size_t led_somewhere = 0;
    std::size_t by_kernel = 0;
    std::vector<std::string> paths{""};
    for (int depth = 0; depth < 4; ++depth) {
        std::vector<std::string> longer;
        for (const auto& path : paths) {
            for (const auto& part : parts)
                longer.push_back(path.empty() ? part : path + "/" + part);
        }
        for (const auto& path : longer) {
            const std::unique_ptr<char, decltype(&std::free)> real{
                ::realpath(in.path(path).c_str(), nullptr), &std::free};
            const int why = errno;
            const auto place = canonical_path{}.resolve(in.path(path));
            INFO(path);
            // Found by the kernel or walked here, it is the same.
            const auto walked = scope_detail::path_walk{in.path(path)}.run();
            REQUIRE(walked.has_value() == place.has_value());
            REQUIRE((!place || *walked == *place));
            by_kernel += scope_detail::place_by_kernel(in.path(path)) ? 1U : 0U;
            if (real && place) {
                REQUIRE(canonical_path{}.display(*place) == real.get());
                ++led_somewhere;
            } else if (real) { // where the kernel stays at the root
                REQUIRE(place.error().message.find("above the root") != std::string::npos);
            } else if (why == ENOTDIR || why == ELOOP) {
                REQUIRE_FALSE(place);
                REQUIRE(place.error().system.value() == why);
            }
        }
        paths = std::move(longer);
    }
    CHECK(led_somewhere > 200);
    CHECK(by_kernel > 200);
}

TEST_CASE("F37 a renamed folder and a replaced link are seen at once", "[scope]") {
    const scratch in;
    in.folder("a/b");
    in.folder("c");
    in.link("l", "a");
    CHECK(in.leads_to("l/b/new") == "a/b/new");
    fs::rename(in.path("a"), in.path("z"));
    CHECK(in.leads_to("l/b/new") == "a/b/new"); // a link to what is not there
    fs::remove(in.path("l"));
    in.link("l", "z");
    CHECK(in.leads_to("l/b/new") == "z/b/new");
}

TEST_CASE("F37 a file whose name looks like the kernel's remark is itself", "[scope]") {
    const scratch in;
    in.file("f (deleted)");
    in.link("dangling", "nowhere");
    CHECK(in.leads_to("f (deleted)") == "f (deleted)");
    CHECK(in.leads_to("new (deleted)") == "new (deleted)");
    CHECK(in.leads_to("dangling") == "nowhere");
    CHECK(in.leads_to("f (deleted)/new") == "invalid_target");
}

TEST_CASE("F37 a file that was removed while it is open has no place by the kernel", "[scope]") {
    const scratch in;
    in.file("f");
    const auto open = scope_detail::open_place(in.path("f"));
    REQUIRE(open);
    CHECK(os_detail::path_of_descriptor(open.get()) == in.path("f"));
    fs::remove(in.path("f"));
    CHECK(os_detail::path_of_descriptor(open.get()).empty());
}
