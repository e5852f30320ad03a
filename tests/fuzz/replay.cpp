// SPDX-License-Identifier: BSL-1.0
// Gives each file that it is pointed at, and each in the folders, to the target that it is linked
// with: what the fuzzer once found must stay found by every compiler, with no fuzzer at hand.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::size_t replay(const std::filesystem::path& place) {
    if (std::filesystem::is_directory(place)) {
        std::size_t files = 0;
        for (const auto& inside : std::filesystem::directory_iterator{place}) {
            files += replay(inside.path());
        }
        return files;
    }
    std::ifstream in{place, std::ios::binary};
    const std::basic_string<std::uint8_t> bytes{std::istreambuf_iterator<char>{in}, {}};
    std::fprintf(stderr, "%s\n", place.c_str());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    return 1;
}

} // namespace

int main(int count, char** places) {
    std::size_t files = 0;
    for (int i = 1; i < count; ++i) {
        files += replay(places[i]);
    }
    std::fprintf(stderr, "%zu files replayed\n", files);
    return files == 0 ? 1 : 0;
}
