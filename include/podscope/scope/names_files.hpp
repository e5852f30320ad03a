// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/canonical_path.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <type_traits>

namespace podscope {

/// Whether the targets of a resource namespace are absolute paths of files, with a component for
/// each component of the path. Specialise it for a namespace of one's own.
template <class Names>
inline constexpr bool names_files =
    std::is_same_v<Names, canonical_path> || std::is_same_v<Names, lexical_path>;

} // namespace podscope
