// SPDX-License-Identifier: BSL-1.0
// Parts of a runtime of the wrong shape, one for each concept; all at once, since each has a
// message of its own.
//
// wrong_shapes: use::backend takes a typed_store.*store[.]write
// wrong_shapes: use::probe takes a reachability_probe.*probe[.]probe
// wrong_shapes: use::sink takes a notification_sink.*sink[.]notify
// wrong_shapes: use::sessions takes a session_store.*sessions[.]list
// wrong_shapes: use::names takes a resource_namespace.*names[.]display
// wrong_shapes: use::reclaim takes a reclaim_policy.*policy[.]ends
// wrong_shapes: use::clock takes a pod_clock.*clock[.]wall_ms
// wrong_shapes: use::self takes a self_source.*source[.]self
// wrong_shapes: one of them was named .*twice
// store_without_constants: use::backend takes a typed_store.*durable
#include <podscope/pod/use.hpp>

#include <utility>

using namespace podscope;

struct store {
#ifdef store_without_constants
    static durability durable;
#else
    static constexpr durability durable = durability::none;
#endif
    static constexpr podscope::reach reaches = podscope::reach::thread;

    struct reader {};

    struct writer {};

    template <class F>
    std::invoke_result_t<F&, reader&> read(F&& body) {
        reader txn;
        return body(txn);
    }

#ifndef wrong_shapes
    template <class F>
    std::invoke_result_t<F&, writer&> write(F&& body) {
        writer txn;
        return body(txn);
    }
#endif
};

struct asks {
#ifdef wrong_shapes
    verdict probe(const probe_subject&, deadline);
#else
    void probe(std::span<const probe_subject>, deadline, std::span<verdict>);
#endif
};

struct hears {
#ifdef wrong_shapes
    bool notify(const notification&);
#else
    result<void> notify(const notification&);
#endif
};

struct sessions {
    result<std::string> create(const lineage&);
    result<std::uint64_t> append(std::string_view, const session_entry&);
    template <class Visitor>
    result<void> read(std::string_view, std::uint64_t, Visitor&&);
    result<segment_info> info(std::string_view);
#ifndef wrong_shapes
    result<std::vector<std::string>> list();
#endif
};

struct names {
    result<resource> resolve(std::string_view) const;
#ifndef wrong_shapes
    std::string display(const resource&) const;
#endif
};

struct policy_of_mine {
#ifdef wrong_shapes
    bool ends(verdict) const;
#else
    bool ends(verdict) const noexcept;
#endif
};

struct clock_of_mine {
    deadline now() const noexcept;
#ifdef wrong_shapes
    int wall_ms() const noexcept;
#else
    std::int64_t wall_ms() const noexcept;
#endif
};

struct me {
#ifdef wrong_shapes
    process_identity self() const;
#else
    result<process_identity> self() const;
#endif
};

int main() {
    (void)parts_by_policy(use::backend(store{}), use::probe(asks{}), use::sink(hears{}),
                          use::sessions(sessions{}), use::names(names{}),
                          use::reclaim(policy_of_mine{}), use::clock(clock_of_mine{}),
                          use::self(me{})
#ifdef wrong_shapes
                              ,
                          use::probe(asks{})
#endif
    );
}
