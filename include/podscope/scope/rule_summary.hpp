// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/permission.hpp>

#include <cstdint>

namespace podscope::scope_detail {

/// Whether a rule grants or takes.
enum class effect : std::uint8_t { grant, deny };

/// The rules at one place in two bits for each of four sorts, such that the union of bits is the
/// highest grant or the lowest deny: bit 0 stands for reading, bit 1 for writing, set by a grant of
/// it and by a deny that takes it.
class summary {
public:
    /// Adds a rule at this place. One of `none` grants nothing and takes nothing.
    constexpr void add(effect what, permission access, bool recursive) noexcept {
        const unsigned sort = (what == effect::deny ? deny : 0U) + (recursive ? 0U : near);
        bits_ = static_cast<std::uint8_t>(bits_ | (bits_of(what, access) << sort));
    }

    /// What holds at a place under a recursive rule here.
    [[nodiscard]] constexpr unsigned for_tree() const noexcept { return bits_ & 0x0FU; }

    /// What holds here and at a direct child under a rule that is not recursive.
    [[nodiscard]] constexpr unsigned for_near() const noexcept { return bits_ >> near; }

    /// The permission that a union of the above leaves.
    [[nodiscard]] static constexpr permission left(unsigned bits) noexcept {
        const unsigned granted = bits & ~(bits >> deny) & 0x3U;
        return granted == 0            ? permission::none
               : (granted & 0x2U) != 0 ? permission::write
                                       : permission::read;
    }

private:
    // Where the bits of a sort begin: of grants at 0, and of rules that are not recursive as much
    // further up.
    static constexpr unsigned deny = 2;
    static constexpr unsigned near = 4;

    [[nodiscard]] static constexpr unsigned bits_of(effect what, permission access) noexcept {
        switch (access) {
        case permission::none: break;
        case permission::read: return what == effect::grant ? 0x1U : 0x3U; // writing needs reading
        case permission::write: return what == effect::grant ? 0x3U : 0x2U;
        }
        return 0;
    }

    std::uint8_t bits_{};
};

} // namespace podscope::scope_detail
