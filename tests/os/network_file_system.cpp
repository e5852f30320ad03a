// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/os/network_file_system.hpp>

#include <cstdint>

using podscope::os_detail::network_file_system;

TEST_CASE("F55 network file systems are known by their numbers and local ones are not among them") {
    for (const std::uint32_t magic :
         {0x6969U, 0xFF534D42U, 0xFE534D42U, 0x517BU, 0x01021997U, 0x65735546U, 0x5346414FU,
          0x6B414653U, 0x00C36400U, 0x73757245U, 0x564CU, 0x0BD00BD0U, 0x47504653U, 0x7461636FU,
          0x01161970U, 0x20030528U, 0x19830326U, 0x786F4256U, 0xBACBACBCU}) {
        CAPTURE(magic);
        CHECK(network_file_system(magic) != nullptr);
    }
    // ext4, tmpfs, btrfs, xfs, overlayfs, ZFS, f2fs.
    for (const std::uint32_t magic :
         {0xEF53U, 0x01021994U, 0x9123683EU, 0x58465342U, 0x794C7630U, 0x2FC12FC1U, 0xF2F52010U}) {
        CHECK(network_file_system(magic) == nullptr);
    }
}
