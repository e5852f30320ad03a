// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/verify/conformance/report.hpp>
#include <podscope/verify/conformance/session_entries.hpp>
#include <podscope/verify/conformance/session_threads.hpp>
#include <podscope/verify/conformance/session_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <memory>
#include <span>
#include <utility>

namespace podscope::verify {

namespace conformance {

[[nodiscard]] inline conformance_report run_session_kit(const session_place_maker& make,
                                                        std::span<const deviation> declared,
                                                        const conformance_options& options) {
    kit_run kit{"session store", declared, options};
    const auto by = checks_of(make);
    kit.promise("a segment gives back its entries in order from any index on",
                by(gives_entries_in_order));
    kit.promise("a visitor that says stop is not called again", by(stops_when_told));
    kit.promise("a fresh segment has its lineage and no entry", by(keeps_lineage));
    kit.promise("segments have ids of their own and are listed", by(lists_segments));
    kit.promise("what one segment gets does not reach another", by(keeps_segments_apart));
    kit.promise("kind and body come back byte by byte", by(keeps_bytes));
    kit.promise("text that is not UTF-8 is refused and nothing is kept of it", by(refuses_bytes));
    kit.promise("a segment that is not there is unknown", by(knows_what_is_not_there));
    kit.promise("a read sees what stood when it began", by(reads_what_stood));
    kit.promise("handles share the segments", by(shares_segments));
    kit.promise("what was appended is there when the store is opened again and goes on from there",
                by(goes_on_when_opened_again));
    kit.promise("a reader beside a writer sees a growing history without a gap",
                by(grows_without_a_gap));
    kit.promise("threads that append get an index each", by(lets_threads_append));
    kit.promise("segments made by several threads are all there", by(lets_threads_create));
    return std::move(kit).done();
}

} // namespace conformance

/// Puts a session store through all that the core relies on.
///
/// @param make gives a place with a store that is new: something whose `open()` gives a handle of
/// that store, or the result of one, as often as it is called
///
/// What it declares in `deviations` is in the report, and not tried. In threads of its own.
template <class Make>
[[nodiscard]] conformance_report check_session_store(Make make,
                                                     const conformance_options& options = {}) {
    using place = conformance::session_place_of<Make>;
    static_assert(session_store<typename place::plug_in>,
                  "podscope: check_session_store takes what makes places whose open() gives a "
                  "session_store: create, append, read, info, list");
    return conformance::run_session_kit([&] { return std::make_unique<place>(make); },
                                        deviations_of<typename place::plug_in>(), options);
}

} // namespace podscope::verify
