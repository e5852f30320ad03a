// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <unistd.h>

namespace podscope {

/// The calls by which a journal changes its files and makes changes last: a policy, so that a test
/// can record them, fail them, or replay what a loss of power leaves of them. Each answers 0, or
/// the `errno` of its failure.
///
/// `folder` is a descriptor of the folder in which the names are. Files are opened by the library;
/// `made` tells the layer of each one that was made by that.
template <class F>
concept file_layer = requires(int file,
                              int folder,
                              const char* name,
                              std::string_view bytes,
                              char* to,
                              std::size_t size,
                              std::uint64_t offset) {
    { F::made(folder, name, file) } noexcept;
    { F::write(file, bytes, offset) } noexcept -> std::same_as<int>;
    { F::read(file, to, size, offset) } noexcept -> std::same_as<int>;
    { F::cut(file, offset) } noexcept -> std::same_as<int>;
    { F::sync_data(file) } noexcept -> std::same_as<int>;
    { F::sync_all(file) } noexcept -> std::same_as<int>;
    { F::rename(folder, name, name) } noexcept -> std::same_as<int>;
    { F::remove(folder, name) } noexcept -> std::same_as<int>;
};

/// The system's.
struct system_files {
    static void made(int, const char*, int) noexcept {}

    static int write(int file, std::string_view bytes, std::uint64_t offset) noexcept {
        return backend_detail::write_at(file, bytes, offset);
    }

    static int read(int file, char* to, std::size_t size, std::uint64_t offset) noexcept {
        return backend_detail::read_at(file, to, size, offset);
    }

    static int cut(int file, std::uint64_t size) noexcept {
        return backend_detail::cut_at(file, size);
    }

    static int sync_data(int file) noexcept { return backend_detail::sync_data(file); }

    /// With the metadata, or of a folder: its entries.
    static int sync_all(int file) noexcept { return backend_detail::sync_all(file); }

    static int rename(int folder, const char* from, const char* to) noexcept {
        return ::renameat(folder, from, folder, to) == 0 ? 0 : errno;
    }

    static int remove(int folder, const char* name) noexcept {
        return ::unlinkat(folder, name, 0) == 0 ? 0 : errno;
    }
};

static_assert(file_layer<system_files>);

} // namespace podscope
