// SPDX-License-Identifier: BSL-1.0
// What the tests of session stores share: files, and each store that the library has behind one way
// to make it.
#pragma once

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/session/concept.hpp>
#include <podscope/session/file.hpp>
#include <podscope/session/memory.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_test {

/// The value of a result; fails the test with the error's text if there is none.
template <class T>
T value_of(podscope::result<T>&& given) {
    if (!given)
        FAIL(to_string(given.error()));
    if constexpr (!std::is_void_v<T>)
        return std::move(*given);
}

/// The error of a result that must have failed.
template <class T>
podscope::error error_of(podscope::result<T>&& given) {
    if (given)
        FAIL("succeeded where it had to fail");
    return std::move(given).error();
}

inline std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

inline void overwrite(const std::string& path, std::string_view text) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file << text;
    file.flush();
    REQUIRE(file.good());
}

/// An entry with its place, as a visitor got it.
struct visited {
    std::uint64_t index{};
    podscope::session_entry entry{};

    friend bool operator==(const visited&, const visited&) = default;
};

template <class Sessions>
podscope::result<std::vector<visited>>
read_all(Sessions& sessions, std::string_view id, std::uint64_t from = 0) {
    std::vector<visited> all;
    auto done =
        sessions.read(id, from, [&](std::uint64_t index, const podscope::session_entry& entry) {
            all.push_back({index, entry});
            return podscope::scan::next;
        });
    if (!done)
        return podscope::fail(done);
    return all;
}

struct in_memory {
    podscope::memory_sessions sessions;
};

struct in_files {
    temporary_folder root;
    podscope::file_sessions sessions = value_of(podscope::file_sessions::open(root / "sessions"));
};

} // namespace podscope_test
