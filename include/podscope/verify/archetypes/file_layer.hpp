// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file_layer.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace podscope::verify {

/// The least `file_layer`, over another one: there is never an object of it.
template <file_layer Files>
struct file_layer_archetype {
    file_layer_archetype() = delete;

    static void made(int folder, const char* name, int file) noexcept {
        Files::made(folder, name, file);
    }

    [[nodiscard]] static int
    write(int file, std::string_view bytes, std::uint64_t offset) noexcept {
        return Files::write(file, bytes, offset);
    }

    [[nodiscard]] static int
    read(int file, char* to, std::size_t size, std::uint64_t offset) noexcept {
        return Files::read(file, to, size, offset);
    }

    [[nodiscard]] static int cut(int file, std::uint64_t size) noexcept {
        return Files::cut(file, size);
    }

    [[nodiscard]] static int sync_data(int file) noexcept { return Files::sync_data(file); }

    [[nodiscard]] static int sync_all(int file) noexcept { return Files::sync_all(file); }

    [[nodiscard]] static int rename(int folder, const char* from, const char* to) noexcept {
        return Files::rename(folder, from, to);
    }

    [[nodiscard]] static int remove(int folder, const char* name) noexcept {
        return Files::remove(folder, name);
    }
};

} // namespace podscope::verify
