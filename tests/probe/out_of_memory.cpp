// SPDX-License-Identifier: BSL-1.0
// What happens when memory runs out, at every allocation in turn. Clang's thread sanitizer brings
// an operator new of its own that cannot be replaced, and so these tests are not built with it.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PODSCOPE_TEST_KEEPS_OPERATOR_NEW
#endif
#endif
#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW
#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"

#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/probe/this_process.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

/// How many more allocations of this thread succeed; negative for all.
thread_local long allocations_left = -1;

/// Makes allocations of this thread fail after a number of them, while it lives.
struct scarcity {
    explicit scarcity(long allocations) { allocations_left = allocations; }

    scarcity(const scarcity&) = delete;
    scarcity& operator=(const scarcity&) = delete;

    ~scarcity() { allocations_left = -1; }
};

/// Runs an operation with the first allocation failing, then the second, and so on until none does.
/// The operation says whether it succeeded; returns how many runs did not.
template <class Operation>
int with_each_allocation_failing(Operation operation) {
    int failures = 0;
    while (!operation(failures)) {
        ++failures;
    }
    return failures;
}

} // namespace

// Not inlined, since GCC takes a malloc in sight of a delete for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    if (allocations_left == 0) {
        return nullptr;
    }
    if (allocations_left > 0) {
        --allocations_left;
    }
    return std::malloc(size == 0 ? 1 : size);
}

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* memory = operator new(size, std::nothrow)) {
        return memory;
    }
    throw std::bad_alloc{};
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

TEST_CASE("F15 who this process is says out of memory and nothing else") {
    const int failures = with_each_allocation_failing([](int allowed) {
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
    const int failures = with_each_allocation_failing([&](int allowed) {
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
        allocations_left = -1;
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
    const int failures = with_each_allocation_failing([&](int allowed) {
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
