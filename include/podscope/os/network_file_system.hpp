// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/vfs.h>

namespace podscope::os_detail {

/// The name of a file system whose locks and mappings may stop at this machine's edge, by the
/// magic number that statfs(2) gives; null for any other. Numbers from linux/magic.h and statfs(2).
[[nodiscard]] constexpr const char* network_file_system(std::uint32_t magic) noexcept {
    switch (magic) {
    case 0x00006969U: return "NFS";
    case 0x0000517BU: return "SMB";
    case 0xFF534D42U: return "CIFS";
    case 0xFE534D42U: return "SMB";
    case 0x01021997U: return "9P";
    case 0x65735546U: return "FUSE";
    case 0x5346414FU: return "AFS";
    case 0x6B414653U: return "AFS";
    case 0x00C36400U: return "Ceph";
    case 0x73757245U: return "Coda";
    case 0x0000564CU: return "NCP";
    case 0x0BD00BD0U: return "Lustre";
    case 0x47504653U: return "GPFS";
    case 0x7461636FU: return "OCFS2";
    case 0x01161970U: return "GFS2";
    case 0x20030528U: return "OrangeFS";
    case 0x19830326U: return "BeeGFS";
    case 0x786F4256U: return "VirtualBox's shared folders";
    case 0xBACBACBCU: return "VMware's shared folders";
    default: return nullptr;
    }
}

/// Refuses a folder on such a file system, for who relies on locks in it. `trusted` if the user
/// knows that they hold: nothing is asked then.
///
/// Errors: `unsafe_file`, `io`.
[[nodiscard]] inline result<void> check_is_local(int folder, std::string_view path, bool trusted) {
    if (trusted) {
        return {};
    }
    struct statfs status{};
    if (uninterrupted([&] { return ::fstatfs(folder, &status); }) != 0) {
        const std::error_code why{errno, std::generic_category()};
        return fail({.category = errc::io,
                     .message = "cannot examine the file system of " + std::string{path},
                     .path = std::string{path},
                     .system = why});
    }
    if (const char* kind = network_file_system(static_cast<std::uint32_t>(status.f_type))) {
        return fail({.category = errc::unsafe_file,
                     .message = std::string{path} + " is not used: it lies on " + kind +
                                ", where a lock may not hold against other machines (if it does, "
                                "say so by trust_network_file_system in the options)",
                     .path = std::string{path}});
    }
    return {};
}

} // namespace podscope::os_detail
