// SPDX-License-Identifier: BSL-1.0
#include "fuzz/target.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const std::string input{data, data + size};
        fuzz::examine(input);
    } catch (const std::exception& thrown) {
        fuzz::finding(thrown.what());
    }
    return 0;
}
