// SPDX-License-Identifier: BSL-1.0
// What the interface of stores and pods forbids; all at once, since each has a message of its own.
//
// misuses: no member named [^a-z]*put[^a-z]
// misuses: txn[.]put[(]key, value[)]
// misuses: T::name.*invalid
// misuses: make_runtime needs use::backend
// misuses: a store of several machines needs use::probe
// misuses: settled::settled[(].*is private within|private constructor of class [^ ]*settled
// misuses: deleted function [^()]*permit_for[(]|deleted member function [^a-z]*permit_for
// misuses: deleted function [^()]*::basic_pod[(]|copy constructor of [^ ]*pod
// misuses: argument discards qualifiers.*release|argument to member function [^a-z]*release
// not_lifted: use::backend takes a byte_backend as lifted
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
#ifndef misuses
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
#ifndef misuses
    static constexpr const char* name = "rows";
#endif
    using record = claim;
};

template <table T>
struct of_rows {};

struct shared_widely : basic_memory<pod_schema> {
    static constexpr podscope::reach reaches = podscope::reach::cluster;
};

int main() {
    (void)lifted<bytes>{bytes{}};
#ifdef not_lifted
    (void)use::backend(bytes{});
#endif
    (void)of_rows<rows>{};

    basic_memory<pod_schema> store;
    const auto body = [](auto& txn) -> result<void> {
#ifdef misuses
        return txn.template put<tables::claims>("key", claim{});
#else
        return txn.template scan<tables::claims>({}, [](auto, const auto&) { return scan::stop; });
#endif
    };
    (void)store.read(body);

#ifdef misuses
    (void)make_runtime(use::sessions(memory_sessions{}));
    (void)make_runtime(use::backend(shared_widely{}), use::sessions(memory_sessions{}));
#endif
    (void)make_runtime(use::backend(shared_widely{}), use::sessions(memory_sessions{}),
                       use::probe(default_probe{}));
    auto world = make_runtime(use::backend(store), use::sessions(memory_sessions{}));
    using runtime = decltype(world);
    const auto wanted = manifest{"planner"}.may(rules::write("/ws"));

#ifdef misuses
    const settled by_hand{allocation{}, {}, reconcile_report{}};
#endif
    auto back = world.restore(wanted);

#ifdef misuses
    (void)world.create(wanted).value().permit_for("/ws", permission::write);
#endif
    auto pod = world.create(wanted).value();
    (void)pod.permit_for("/ws", permission::write);

#ifdef misuses
    auto copy = pod;
#endif
    const runtime::pod held = std::move(pod);
#ifdef misuses
    (void)held.release();
#else
    (void)held.check("/ws", permission::read);
#endif
}
