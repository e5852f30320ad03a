// SPDX-License-Identifier: BSL-1.0
// A journal in which many pods live, as it is once it has been at work for a while.
#pragma once

#include "support/must.hpp"
#include "support/population.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace podscope_bench {

/// One that is filled has a compaction due, as no other has at every moment, and its parent has all
/// children to look at: both are done before anything is measured.
template <class Journal>
std::shared_ptr<basic_population<Journal>> filled_journal(const std::string& folder,
                                                          std::size_t size) {
    auto all = std::make_shared<basic_population<Journal>>(must(Journal::open(folder)), size);
    do {
        must(all->planner.set_endpoint("unix:/nowhere"));
    } while (std::filesystem::exists(folder + "/journal.new"));
    must(all->planner.delegate(newcomer(0)));
    must(all->planner.reclaim("newcomer0"));
    (void)all->sink.drain();
    return all;
}

} // namespace podscope_bench
