// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Landlock as the kernel has it (landlock(7)): three system calls, for which the C library has no
/// functions, and rights that came with one version of its interface (ABI) after the other. The
/// numbers stand here because a machine's headers are often older than its kernel.
namespace podscope::enforce::landlock {

/// A set of rights to act on files and folders.
using access_set = std::uint64_t;

inline constexpr access_set execute = 1ULL << 0U;
inline constexpr access_set write_file = 1ULL << 1U;
inline constexpr access_set read_file = 1ULL << 2U;
inline constexpr access_set read_dir = 1ULL << 3U;
inline constexpr access_set remove_dir = 1ULL << 4U;
inline constexpr access_set remove_file = 1ULL << 5U;
inline constexpr access_set make_char = 1ULL << 6U;
inline constexpr access_set make_dir = 1ULL << 7U;
inline constexpr access_set make_reg = 1ULL << 8U;
inline constexpr access_set make_sock = 1ULL << 9U;
inline constexpr access_set make_fifo = 1ULL << 10U;
inline constexpr access_set make_block = 1ULL << 11U;
inline constexpr access_set make_sym = 1ULL << 12U;
inline constexpr access_set refer = 1ULL << 13U;     ///< to move or link into another folder: ABI 2
inline constexpr access_set truncate = 1ULL << 14U;  ///< ABI 3
inline constexpr access_set ioctl_dev = 1ULL << 15U; ///< of a device: ABI 5

/// From which ABI on the kernel tells these apart.
inline constexpr int abi_of_refer = 2;
inline constexpr int abi_of_truncate = 3;
inline constexpr int abi_of_ioctl_dev = 5;

/// The rights that a kernel with that ABI can be asked to watch over.
[[nodiscard]] constexpr access_set rights_of(int abi) noexcept {
    access_set rights = abi >= 1 ? refer - 1 : 0;
    rights |= abi >= abi_of_refer ? refer : 0;
    rights |= abi >= abi_of_truncate ? truncate : 0;
    rights |= abi >= abi_of_ioctl_dev ? ioctl_dev : 0;
    return rights;
}

/// What reading is, below a folder. To execute is among it: whoever may read a program can have it
/// run by its interpreter or its loader.
inline constexpr access_set reading = execute | read_file | read_dir;

/// What writing is, below a folder. To make device files is not among it: through one that stands
/// for a disk, a process of root's could write everywhere.
inline constexpr access_set writing = write_file | remove_dir | remove_file | make_dir | make_reg |
                                      make_sock | make_fifo | make_sym | refer | truncate |
                                      ioctl_dev;

/// What the kernel has to watch over so that nobody writes elsewhere.
inline constexpr access_set all_writing = writing | make_char | make_block;

/// The rights that say something of what is no folder; the kernel takes no others for it.
inline constexpr access_set of_files = execute | read_file | write_file | truncate | ioctl_dev;

/// The kernel's ABI; 0 if it has no Landlock, or has it switched off. `errno` says which then:
/// ENOSYS, EOPNOTSUPP.
[[nodiscard]] inline int abi() noexcept {
    constexpr unsigned ask_version = 1;
    const auto answer = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version);
    return answer < 0 ? 0 : static_cast<int>(answer);
}

/// Rules that a thread can lay upon itself: of the rights that it was made to watch over, those
/// that were added are left, and only where they were added.
class ruleset {
public:
    /// Errors: `not_enforceable` if the kernel has no Landlock or does not know all of these
    /// rights, `io` for whatever else it says.
    [[nodiscard]] static result<ruleset> watching_over(access_set rights) {
        const attributes wanted{rights};
        const auto fd = ::syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0);
        if (fd < 0) {
            const int code = errno;
            const bool has_it = code != ENOSYS && code != EOPNOTSUPP && code != EINVAL;
            return fail({.category = has_it ? errc::io : errc::not_enforceable,
                         .message = "the kernel does not make a Landlock ruleset",
                         .subject = "landlock",
                         .system = std::error_code{code, std::generic_category()}});
        }
        // The kernel opens it close-on-exec.
        return ruleset{os_detail::file_descriptor{static_cast<int>(fd)}};
    }

    /// Leaves these rights at an open file or folder, and all that is below that.
    ///
    /// @param shown its name, for the error
    [[nodiscard]] result<void>
    add(const os_detail::file_descriptor& place, access_set rights, std::string_view shown) {
        const path_beneath rule{rights, place.get()};
        constexpr int kind_path_beneath = 1;
        if (::syscall(SYS_landlock_add_rule, fd_.get(), kind_path_beneath, &rule, 0) == 0) {
            return {};
        }
        return fail({.category = errc::io,
                     .message = "the kernel takes no Landlock rule for " + std::string{shown},
                     .path = std::string{shown},
                     .system = std::error_code{errno, std::generic_category()}});
    }

    /// Lays it upon the calling thread for good, with all that it starts from now on; 0, or the
    /// `errno` of what went wrong: E2BIG once the thread has sixteen of them. From then on it gains
    /// no privileges by executing a file (PR_SET_NO_NEW_PRIVS), as the kernel demands. Two system
    /// calls and nothing else, so that it may be called between fork and exec.
    [[nodiscard]] int restrict_self() const noexcept {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            ::syscall(SYS_landlock_restrict_self, fd_.get(), 0) != 0) {
            return errno;
        }
        return 0;
    }

private:
    // As ABI 1 has them; the kernel takes what is not there for zero.
    struct attributes {
        access_set handled_access_fs;
    };

    // The kernel reads its first twelve bytes.
    struct path_beneath {
        access_set allowed_access;
        std::int32_t parent_fd;
    };

    explicit ruleset(os_detail::file_descriptor fd) noexcept : fd_{std::move(fd)} {}

    os_detail::file_descriptor fd_;
};

} // namespace podscope::enforce::landlock
