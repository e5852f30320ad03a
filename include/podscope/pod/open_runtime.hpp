// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/journal.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/result.hpp>
#include <podscope/session/file.hpp>

#include <boost/hana/at_key.hpp>
#include <boost/hana/type.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace podscope {

/// The embedded default: a journal file that is durable through a loss of power.
using journal_backend = basic_journal<pod_schema>;

namespace pod_detail {

/// As part_or, for a part whose default has to be opened.
template <class Policy, class Named, class F>
[[nodiscard]] auto part_or_opened(Named& named, F&& open) {
    if constexpr (names_policy<Policy, Named>) {
        auto& part = boost::hana::at_key(named, boost::hana::type_c<Policy>);
        return result<std::remove_cvref_t<decltype(part)>>{std::move(part)};
    } else {
        return open();
    }
}

template <class Opened>
using opened_part = typename Opened::value_type;

} // namespace pod_detail

/// Opens a runtime on a folder of its own, which is made if it is not there: a journal for registry
/// and records, a file for each session segment, and the defaults of make_runtime; but for what is
/// named: `open_runtime(folder, use::sink(my_sink))`.
///
/// Session segments are as durable as the backend's commits, so that no record outlasts the segment
/// that it names: over a backend of power durability, `pod::append` costs a sync. A session store
/// that is named is as it was opened; on a network file system that is to be trusted, one has to be
/// (`use::sessions`), with file_sessions::open_within and its option for that.
///
/// All processes that share the tree open the same folder, each for itself.
///
/// Errors: `unsafe_file` if the folder or a file in it is open to others or belongs to somebody
/// else; `corrupt`, `unsupported_version`, `io`, `timeout`, as the backend says; `out_of_memory`.
template <class... Named>
[[nodiscard]] auto open_runtime(const std::string& folder, Named... named) {
    auto parts = parts_by_policy(std::move(named)...);
    const auto open_backend = [&] {
        return pod_detail::part_or_opened<policy::backend>(
            parts, [&] { return journal_backend::open(folder); });
    };
    using backend_part = pod_detail::opened_part<decltype(open_backend())>;
    const auto open_sessions = [&] {
        return pod_detail::part_or_opened<policy::sessions>(parts, [&] {
            return file_sessions::open_within(folder, {.durable = backend_part::durable});
        });
    };
    using sessions_part = pod_detail::opened_part<decltype(open_sessions())>;
    using runtime = decltype(pod_detail::assemble(std::declval<backend_part>(),
                                                  std::declval<sessions_part>(), parts));
    return guarded([&]() -> result<runtime> {
        auto backend = open_backend();
        if (!backend) {
            return fail(backend);
        }
        auto sessions = open_sessions();
        if (!sessions) {
            return fail(sessions);
        }
        return pod_detail::assemble(std::move(*backend), std::move(*sessions), std::move(parts));
    });
}

/// The runtime that `open_runtime(folder)` opens; its pods are `runtime::pod`. Said, and not taken
/// from that function: the compiler would have to read all of it wherever this header is included.
using runtime = basic_runtime<default_parts<journal_backend, file_sessions>>;

} // namespace podscope
