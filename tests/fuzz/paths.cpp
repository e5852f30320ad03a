// SPDX-License-Identifier: BSL-1.0
// The input is a path. It is taken as text, and held against a list of components; and it is taken
// below a tree of folders and links, and held against realpath.
#include "fuzz/target.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/scope/canonical_path.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/resource.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <stdlib.h>

namespace {

using namespace podscope;
using fuzz::expect;

using components = std::vector<std::string>;

// What the documentation says of lexical_path, by the book.
std::optional<components> by_the_book(std::string_view text) {
    if (text.empty() || text.size() > 4095 || text.front() != '/' ||
        text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    components place;
    while (!text.empty()) {
        const auto end = std::min(text.find('/'), text.size());
        const std::string one{text.substr(0, end)};
        text.remove_prefix(std::min(end + 1, text.size()));
        if (one.size() > 255 || (one == ".." && place.empty())) {
            return std::nullopt;
        }
        if (one == "..") {
            place.pop_back();
        } else if (!one.empty() && one != ".") {
            place.push_back(one);
        }
    }
    return place;
}

components of(const resource& place) {
    components all;
    place.for_each_component([&](std::string_view one) { all.emplace_back(one); });
    return all;
}

void examine_place(const auto& names, const resource& place) {
    const auto again = names.resolve(names.display(place));
    expect(again && *again == place, "a place is shown as another one");
    expect(resource::from_key(std::string{place.key()}) == place, "a key is that of another place");
    expect(place.depth() == of(place).size(), "a place has another depth");
}

void examine_text(std::string_view text) {
    const auto place = lexical_path{}.resolve(text);
    const auto wanted = by_the_book(text);
    expect(place.has_value() == wanted.has_value(), "F36 a target is refused, or is not");
    if (place) {
        expect(of(*place) == *wanted, "F36 a target is another place");
        examine_place(lexical_path{}, *place);
    } else {
        expect(place.error().category == errc::invalid_target, "F36 another category");
    }
}

class tree {
public:
    tree() {
        const std::filesystem::path top = root();
        std::filesystem::create_directories(top / "a/b/c");
        std::filesystem::create_directory(top / "d");
        std::ofstream{top / "file"} << "x";
        const auto link = [&](const char* to, const char* from) {
            std::filesystem::create_symlink(to, top / from);
        };
        link("a/b", "in");
        link("../d", "a/up");
        link("loop", "loop");
        link("nowhere", "gone");
        link("/", "top");
        link("file", "to_file");
        link("../../..", "a/b/out");
        link(root().c_str(), "d/self");
    }

    [[nodiscard]] const std::string& root() const { return all_.path(); }

private:
    podscope_test::temporary_folder all_{};
};

void examine_in_tree(const std::string& root, std::string_view below) {
    const auto text = root + "/" + std::string{below};
    const auto place = canonical_path{}.resolve(text);
    if (text.size() > 4095 || text.find('\0') != std::string::npos) {
        expect(!place.has_value(), "F36 a target is not refused");
        return;
    }
    // Slashes at the end are folded here; the kernel takes them for a question.
    const auto plain = text.substr(0, text.find_last_not_of('/') + 1);
    const std::unique_ptr<char, void (*)(void*)> real{::realpath(plain.c_str(), nullptr), ::free};
    const bool is_missing = errno == ENOENT;
    if (!place) {
        // A path above the root is refused where the kernel would stay there.
        const bool above_root = place.error().path == "";
        expect(!real || above_root, "F37 a path to something that is there is refused");
        return;
    }
    examine_place(canonical_path{}, *place);
    if (real) {
        expect(canonical_path{}.display(*place) == real.get(), "F37 a path is another place");
    } else {
        expect(is_missing, "F37 a path that the kernel refuses is taken");
    }
}

} // namespace

void fuzz::examine(std::string_view input) {
    static const tree files;
    examine_text(input);
    examine_in_tree(files.root(), input);
}
