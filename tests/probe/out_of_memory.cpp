// SPDX-License-Identifier: BSL-1.0
// What happens when memory runs out, at every allocation in turn.
#include "support/scarce_memory.hpp"

#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW
#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"

#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/probe/this_process.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

TEST_CASE("F15 who this process is says out of memory and nothing else") {
    const auto failures = with_each_allocation_failing([](std::size_t allowed) {
        result<process_identity> self;
        result<process_identity> other;
        {
            const scarcity now{allowed};
            self = this_process();
        }
        {
            const scarcity now{allowed};
            other = identity_of(1);
        }
        CHECK((self || self.error().category == errc::out_of_memory));
        CHECK((other || other.error().category == errc::out_of_memory));
        return self && other;
    });
    CHECK(failures > 0);
}

TEST_CASE("F15 a responder that finds no memory leaves nothing behind", "[concurrent]") {
    const temporary_folder folder;
    const auto before = open_descriptors();
    const auto failures = with_each_allocation_failing([&](std::size_t allowed) {
        const auto path = folder / "a-name-that-is-too-long-to-be-held-in-a-string-itself";
        std::string pod(100, 'p');
        bool opened = false;
        bool runs = false;
        {
            auto given = path;
            auto door = [&] {
                const scarcity now{allowed};
                return responder::open(std::move(given), std::move(pod), epoch{7});
            }();
            opened = door.has_value();
            if (door) {
                const auto started = [&] {
                    const scarcity now{allowed};
                    return door->run_in_thread();
                }();
                runs = started.has_value();
                CHECK((runs || started.error().category == errc::out_of_memory));
                // The end needs no memory that matters.
                allocations_left = 0;
            } else {
                CHECK(door.error().category == errc::out_of_memory);
            }
        }
        allocations_left.reset();
        CHECK(std::filesystem::is_empty(folder.path()));
        CHECK(open_descriptors() == before);
        return opened && runs;
    });
    CHECK(failures > 0);
}

TEST_CASE("F15 a probe that finds no memory leaves no descriptor open") {
    const temporary_folder folder;
    const plain_socket hung{folder / "hung"};
    const plain_socket busy{folder / "busy", plain_socket::kind::listening, 0};
    const crowd crowd{folder / "busy"};
    std::vector<probe_subject> subjects{at(folder / "gone"), at(folder / "hung"),
                                        at(folder / "busy"), at(folder / "gone")};
    for (auto& subject : subjects) {
        subject.owner = this_process().value();
    }
    subjects.back().owner.start_time = 0;
    const default_probe probe;
    const auto before = open_descriptors();
    const auto failures = with_each_allocation_failing([&](std::size_t allowed) {
        std::vector<verdict> verdicts(subjects.size(), verdict::unknown);
        bool done = true;
        try {
            const scarcity now{allowed};
            probe.probe(subjects, deadline{}, verdicts);
        } catch (const std::bad_alloc&) {
            done = false;
        }
        CHECK(open_descriptors() == before);
        // What was decided by then holds; nobody who lives is missing.
        CHECK(std::count(verdicts.begin(), verdicts.end() - 1, verdict::missing) == 0);
        return done && verdicts == std::vector{verdict::unreachable, verdict::reachable,
                                               verdict::reachable, verdict::missing};
    });
    CHECK(failures > 0);
}

#endif
