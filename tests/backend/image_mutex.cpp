// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/backend/image_mutex.hpp>

#include <chrono>
#include <thread>

using podscope::backend_detail::image_mutex;

TEST_CASE("readers share a mutex and a writer excludes them", "[concurrent]") {
    image_mutex mutex;
    mutex.lock_shared();
    REQUIRE(mutex.try_lock_shared());
    mutex.unlock_shared();
    mutex.unlock_shared();
    mutex.lock();
    CHECK_FALSE(mutex.try_lock_shared());
    mutex.unlock();
    REQUIRE(mutex.try_lock_shared());
    mutex.unlock_shared();
}

TEST_CASE("a writer that waits goes before readers that come later", "[concurrent]") {
    using namespace std::chrono_literals;
    image_mutex mutex;
    mutex.lock_shared();
    std::thread writer{[&] {
        mutex.lock();
        mutex.unlock();
    }};
    bool is_kept_out = false;
    for (const auto end = std::chrono::steady_clock::now() + 20s;
         !is_kept_out && std::chrono::steady_clock::now() < end;) {
        if (mutex.try_lock_shared()) {
            mutex.unlock_shared();
            std::this_thread::yield();
        } else {
            is_kept_out = true;
        }
    }
    CHECK(is_kept_out);
    mutex.unlock_shared();
    writer.join();
}
