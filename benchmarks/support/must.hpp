// SPDX-License-Identifier: BSL-1.0
// For what cannot fail in a benchmark.
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/resource.hpp>

#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope_bench {

/// The value, or an exception that says why there is none: a benchmark cannot go on.
template <class T>
T must(podscope::result<T> got) {
    if (!got) {
        throw std::runtime_error{to_string(got.error())};
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*got);
    }
}

/// The place of a path, read as text.
inline podscope::resource place(std::string_view path) {
    return must(podscope::lexical_path{}.resolve(path));
}

} // namespace podscope_bench
