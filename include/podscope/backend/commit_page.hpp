// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/trusted_file.hpp>
#include <podscope/result.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace podscope::backend_detail {

/// A page beside a database that all its processes have mapped: a number that moves with every
/// commit by anybody, for a database that cannot be asked for that without a system call.
///
/// The page is a hint, and no part of what is stored: any bytes are a page. Its number is odd while
/// a commit is under way, and also after a writer has died in one. A number that is odd says
/// nothing, so `generation` then answers what it has never answered before, and whoever compares
/// looks at the database itself. The next writer, who has the database's write lock and so knows
/// that the commit before is over, makes it even again. Thus a commit is seen by all that ask after
/// it is visible, whether or not its writer lived to say so.
class commit_page {
public:
    static constexpr std::size_t size = 4096;

    commit_page(commit_page&& other) noexcept
        : file_{std::move(other.file_)},
          at_{std::exchange(other.at_, nullptr)} {}

    commit_page& operator=(commit_page&&) = delete;

    ~commit_page() {
        if (at_ != nullptr) {
            ::munmap(at_, size);
        }
    }

    /// Maps the page in a file of its own, and makes that if it is not there.
    [[nodiscard]] static result<commit_page>
    open(int folder, const char* name, const std::string& path) {
        auto file = open_trusted_file(folder, name, O_CREAT, path);
        if (!file) {
            return fail(file);
        }
        // Room for all of it now: a page of a hole that finds none later is a signal and no error
        // code. What others have written meanwhile stays.
        const int code = allocate(file->get());
        if (code != 0) {
            return system_failure("make", path, code);
        }
        void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
        if (at == MAP_FAILED) {
            return system_failure("map", path, errno);
        }
        return commit_page{*std::move(file), static_cast<char*>(at)};
    }

    /// Moves with every commit by anybody, before it is reported. One load, and one more while a
    /// commit is under way.
    [[nodiscard]] std::uint64_t generation() const noexcept {
        const std::uint64_t now = number(generation_at).load(std::memory_order_acquire);
        return is_under_way(now) ? never_twice() : now & ~transient;
    }

    /// Whether the file has lost its name: from then on others make another page.
    [[nodiscard]] bool is_removed() const noexcept {
        struct stat status{};
        return status_of(file_.get(), status) != 0 || status.st_nlink == 0;
    }

    /// Says that what was begun before is over. By who has the write lock.
    void settle() noexcept {
        std::uint64_t now = number(generation_at).load(std::memory_order_acquire);
        if (is_under_way(now)) {
            // May fail only because who began it has done so himself.
            number(generation_at).compare_exchange_strong(now, now + 1, std::memory_order_acq_rel);
        }
    }

    /// Says that a commit is under way, until it goes out of scope. Made by who has the write lock,
    /// and may outlive that: a writer who came next has then said so in its place.
    class announcement {
    public:
        explicit announcement(commit_page& page) noexcept
            : page_{&page},
              mine_{(page.number(generation_at).load(std::memory_order_acquire) | 1U) + 2} {
            // Before any step of the commit, in all eyes.
            page.number(generation_at).store(mine_, std::memory_order_seq_cst);
        }

        announcement(const announcement&) = delete;
        announcement& operator=(const announcement&) = delete;

        ~announcement() {
            std::uint64_t mine = mine_;
            page_->number(generation_at)
                .compare_exchange_strong(mine, mine + 1, std::memory_order_seq_cst);
        }

    private:
        commit_page* page_;
        std::uint64_t mine_;
    };

    /// The pid of the writer, 0 for none: to word an error, and nothing else.
    [[nodiscard]] std::uint64_t writer() const noexcept {
        return number(writer_at).load(std::memory_order_relaxed);
    }

    void set_writer(std::uint64_t pid) noexcept {
        number(writer_at).store(pid, std::memory_order_relaxed);
    }

private:
    static constexpr std::size_t writer_at = 0;
    // On a cache line of its own: it is read all the time.
    static constexpr std::size_t generation_at = 128;

    // Marks the answers that are given once, so that they meet no number of the page.
    static constexpr std::uint64_t transient = std::uint64_t{1} << 63U;

    commit_page(file_descriptor file, char* at) noexcept : file_{std::move(file)}, at_{at} {}

    [[nodiscard]] static int allocate(int file) noexcept {
        int code = EINTR;
        while (code == EINTR) {
            code = ::posix_fallocate(file, 0, static_cast<off_t>(size));
        }
        return code;
    }

    [[nodiscard]] static bool is_under_way(std::uint64_t number) noexcept {
        return (number & 1U) != 0;
    }

    [[nodiscard]] static std::uint64_t never_twice() noexcept {
        static constinit std::atomic<std::uint64_t> given{0};
        return transient | given.fetch_add(1, std::memory_order_relaxed);
    }

    // The memory is shared with other processes: no object of this one lives there for good.
    [[nodiscard]] std::atomic_ref<std::uint64_t> number(std::size_t offset) const noexcept {
        static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);
        void* const place = at_ + offset;
        return std::atomic_ref<std::uint64_t>{*static_cast<std::uint64_t*>(place)};
    }

    file_descriptor file_;
    char* at_;
};

} // namespace podscope::backend_detail
