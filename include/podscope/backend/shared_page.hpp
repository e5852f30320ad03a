// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/wire.hpp>
#include <podscope/result.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

namespace podscope::backend_detail {

/// Up to where a journal has been committed: the bytes of one file, told by its id.
struct published_end {
    std::uint64_t file{};
    std::uint64_t end{};

    friend bool operator==(const published_end&, const published_end&) = default;
};

/// A page that all processes on a journal have mapped: the generation, which everybody may read at
/// any time, and notes that whoever holds the lock leaves for the next one.
///
/// The page is a hint, and no part of what is stored: it says that something has changed, never
/// what. Whatever it says after a crash or a loss of power, the next holder of the lock compares it
/// with the journal and puts it right.
class shared_page {
public:
    static constexpr std::size_t size = 4096;

    shared_page(shared_page&& other) noexcept : at_{std::exchange(other.at_, nullptr)} {}

    shared_page& operator=(shared_page&&) = delete;

    ~shared_page() {
        if (at_ != nullptr) {
            ::munmap(at_, size);
        }
    }

    /// Maps the page in `file`, and makes it if the file is empty or holds something else. The
    /// caller holds the lock.
    [[nodiscard]] static result<shared_page> open(int file, std::string_view path) {
        struct stat status{};
        if (const int code = status_of(file, status); code != 0) {
            return system_failure("examine", path, code);
        }
        const auto before = static_cast<std::uint64_t>(status.st_size);
        if (before < size) {
            // Written, not only stretched: a page of a hole may find no room when it is first
            // touched, which is a signal and no error code.
            const std::array<char, size> zeros{};
            const std::string_view rest{zeros.data(), size - static_cast<std::size_t>(before)};
            if (const int code = write_at(file, rest, before); code != 0) {
                return system_failure("make", path, code);
            }
        }
        void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (at == MAP_FAILED) {
            return system_failure("map", path, errno);
        }
        shared_page page{static_cast<char*>(at)};
        if (page.begins_with(magic) && page.number(version_at).load() > version) {
            return fail({.category = errc::unsupported_version,
                         .message = std::string{path} + " belongs to a newer version of podscope: "
                                                        "use that version",
                         .path = std::string{path}});
        }
        if (!page.begins_with(magic) || page.number(version_at).load() != version) {
            // Others may have mapped what stands here: for them too it must be another generation.
            page.number(generation_at).fetch_add(1, std::memory_order_release);
            page.publish({});
            page.set_synced();
            page.set_appending(false);
            std::memcpy(page.at_, magic.data(), magic.size());
            page.number(version_at).store(version, std::memory_order_release);
        }
        return page;
    }

    /// One load. Moves with every commit by anybody; only a difference means something.
    [[nodiscard]] std::uint64_t generation() const noexcept {
        return number(generation_at).load(std::memory_order_acquire);
    }

    [[nodiscard]] published_end published() const noexcept {
        return {number(file_at).load(std::memory_order_acquire),
                number(end_at).load(std::memory_order_acquire)};
    }

    /// Moves the generation and says up to where the journal is committed. In this order: a process
    /// that dies in between leaves a generation that makes others look, and an end that makes the
    /// first of them publish again.
    void publish(published_end committed) noexcept {
        number(generation_at).fetch_add(1, std::memory_order_acq_rel);
        move_to(committed);
    }

    /// Says that the same commits are now to be found elsewhere; the generation stays.
    void move_to(published_end committed) noexcept {
        number(file_at).store(committed.file, std::memory_order_release);
        number(end_at).store(committed.end, std::memory_order_release);
    }

    /// How many transactions at the journal's end are not known to be on the disk, whatever their
    /// handles promise: there are no more of them.
    [[nodiscard]] std::uint64_t unsynced() const noexcept {
        return number(unsynced_at).load(std::memory_order_relaxed);
    }

    /// Where in the file the first of them begins.
    [[nodiscard]] std::uint64_t unsynced_from() const noexcept {
        return number(unsynced_from_at).load(std::memory_order_relaxed);
    }

    void set_unsynced(std::uint64_t transactions, std::uint64_t from) noexcept {
        number(unsynced_from_at).store(from, std::memory_order_relaxed);
        number(unsynced_at).store(transactions, std::memory_order_relaxed);
    }

    /// Says that all that the file holds is on the disk.
    void set_synced() noexcept { number(unsynced_at).store(0, std::memory_order_relaxed); }

    /// Whether somebody began to append and has not said that he was done: if he holds the lock no
    /// more, there may be a commit behind the published end.
    [[nodiscard]] bool is_appending() const noexcept {
        return number(appending_at).load(std::memory_order_relaxed) != 0;
    }

    void set_appending(bool is) noexcept {
        number(appending_at).store(is ? 1 : 0, std::memory_order_relaxed);
    }

    /// The pid of the lock's holder, 0 for none: to word an error, and nothing else.
    [[nodiscard]] std::uint64_t holder() const noexcept {
        return number(holder_at).load(std::memory_order_relaxed);
    }

    void set_holder(std::uint64_t pid) noexcept {
        number(holder_at).store(pid, std::memory_order_relaxed);
    }

private:
    static constexpr std::string_view magic = "podscope page\r\n\n";
    static constexpr std::uint64_t version = 2;

    static constexpr std::size_t version_at = 16;
    static constexpr std::size_t file_at = 24;
    static constexpr std::size_t end_at = 32;
    static constexpr std::size_t holder_at = 40;
    static constexpr std::size_t unsynced_at = 48;
    static constexpr std::size_t appending_at = 56;
    static constexpr std::size_t unsynced_from_at = 64;
    // On a cache line of its own: it is read all the time, and the rest is written.
    static constexpr std::size_t generation_at = 128;

    explicit shared_page(char* at) noexcept : at_{at} {}

    [[nodiscard]] bool begins_with(std::string_view bytes) const noexcept {
        return std::memcmp(at_, bytes.data(), bytes.size()) == 0;
    }

    // The memory is shared with other processes: no object of this one lives there for good.
    [[nodiscard]] std::atomic_ref<std::uint64_t> number(std::size_t offset) const noexcept {
        static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);
        void* const place = at_ + offset;
        return std::atomic_ref<std::uint64_t>{*static_cast<std::uint64_t*>(place)};
    }

    char* at_;
};

} // namespace podscope::backend_detail
