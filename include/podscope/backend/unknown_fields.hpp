// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace podscope {

/// Fields of a stored record that this version of the library does not know: the name of each and
/// its encoded bytes. A record carries them along, so that an update by an older program loses
/// nothing of what a newer one wrote.
struct unknown_fields {
    std::vector<std::pair<std::string, std::string>> fields{};

    friend bool operator==(const unknown_fields&, const unknown_fields&) = default;
};

} // namespace podscope
