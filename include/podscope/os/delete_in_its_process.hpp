// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace podscope::os_detail {

/// Deletes what this process has made, and leaves as it is what it has as a forked copy: there are
/// none of its threads, and what they held there is held for ever.
struct delete_in_its_process {
    template <class T>
    void operator()(T* made) const noexcept {
        if (made->is_in_its_process()) {
            delete made;
        }
    }
};

} // namespace podscope::os_detail
