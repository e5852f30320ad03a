// SPDX-License-Identifier: BSL-1.0
// A store of one's own: pods are delegated, adopted and restored over LevelDB, and then the store
// is put through all that the core relies on.
#include "leveldb_store.hpp"

#include "../shared/temporary_folder.hpp"

#include <podscope/backend/lifted.hpp>
#include <podscope/podscope.hpp>
#include <podscope/verify/conformance.hpp>

#include <iostream>
#include <memory>
#include <string>

namespace {

/// A new folder with a database in it, of which the kit opens as many handles as it wants.
class place {
public:
    /// The folder can be open once, so handles share that; with the last one it is closed.
    podscope::result<plugged::leveldb_store> open() {
        auto shared = open_.lock();
        if (!shared) {
            auto opened = plugged::leveldb_database::open(folder_.path());
            if (!opened) {
                return podscope::fail(opened);
            }
            open_ = shared = *std::move(opened);
        }
        return plugged::leveldb_store{shared};
    }

private:
    demo::temporary_folder folder_{"podscope-leveldb"};
    std::weak_ptr<plugged::leveldb_database> open_{};
};

/// Whether what a parent has handed on comes back by a runtime that opens the same database later.
bool restores() {
    using namespace podscope;
    place here;
    memory_sessions sessions;
    const auto open_world = [&] {
        return make_runtime(use::backend(lifted{here.open().value()}), use::sessions(sessions));
    };
    bool is_handed_on = false;
    {
        auto world = open_world();
        auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
        auto granted = planner.delegate(manifest{"coder"}.may(rules::write("/ws/src"))).value();
        auto coder = world.adopt(granted).value();
        is_handed_on = coder.check("/ws/src/main.cpp", permission::write) &&
                       !planner.check("/ws/src/main.cpp", permission::write);
    } // neither of them released what it had

    auto world = open_world();
    auto back = world.restore("planner").value();
    for (const auto& one : back.report.ended) {
        std::cout << one.child << " is " << to_string(one.reason) << '\n'; // coder is missing
    }
    return is_handed_on && back.report.ended.size() == 1 &&
           back.pod.check("/ws/src/main.cpp", permission::write);
}

} // namespace

int main() {
    const bool restored = restores();
    const auto report = podscope::verify::check_store([] { return place{}; });
    std::cout << report.to_text();
    return restored && report.is_kept() ? 0 : 1;
}
