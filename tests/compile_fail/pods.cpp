// SPDX-License-Identifier: BSL-1.0
// What the interface of stores and pods forbids.
//
// write_in_a_read: put
// backend_without_put: txn[.]put
// rows_without_name: table.*name
// runtime_without_backend: make_runtime needs use::backend
// pod_without_reconcile: settled.*private|private.*settled
// permit_of_a_pod_that_is_gone: deleted.*permit_for|permit_for.*deleted
// copied_pod: basic_pod.*deleted|deleted.*basic_pod
// release_of_a_constant_pod: release
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/session/memory.hpp>

#include <utility>

using namespace podscope;

struct bytes {
    static constexpr durability durable = durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;

    struct reader {
        result<std::optional<std::string>> get(std::string_view);
        template <class Visitor>
        result<void> scan(std::string_view, Visitor&&);
    };

    struct writer : reader {
#ifndef backend_without_put
        result<void> put(std::string_view, std::string_view);
#endif
        result<void> erase(std::string_view);
    };

    template <class F>
    std::invoke_result_t<F&, reader&> read(F&& body);
    template <class F>
    std::invoke_result_t<F&, writer&> write(F&& body);
};

struct rows {
#ifndef rows_without_name
    static constexpr const char* name = "rows";
#endif
    using record = claim;
};

template <table T>
struct of_rows {};

int main() {
    (void)lifted<bytes>{bytes{}};
    (void)of_rows<rows>{};

    basic_memory<pod_schema> store;
    const auto body = [](auto& txn) -> result<void> {
#ifdef write_in_a_read
        return txn.template put<tables::claims>("key", claim{});
#else
        return txn.template scan<tables::claims>({}, [](auto, const auto&) { return scan::stop; });
#endif
    };
    (void)store.read(body);

#ifdef runtime_without_backend
    (void)make_runtime(use::sessions(memory_sessions{}));
#endif
    auto world = make_runtime(use::backend(store), use::sessions(memory_sessions{}));
    using runtime = decltype(world);
    const auto wanted = manifest{"planner"}.may(rules::write("/ws"));

#ifdef pod_without_reconcile
    const settled by_hand{allocation{}, {}, reconcile_report{}};
#endif
    auto back = world.restore(wanted);

#ifdef permit_of_a_pod_that_is_gone
    (void)world.create(wanted).value().permit_for("/ws", permission::write);
#endif
    auto pod = world.create(wanted).value();
    (void)pod.permit_for("/ws", permission::write);

#ifdef copied_pod
    auto copy = pod;
#endif
    const runtime::pod held = std::move(pod);
#ifdef release_of_a_constant_pod
    (void)held.release();
#else
    (void)held.check("/ws", permission::read);
#endif
}
