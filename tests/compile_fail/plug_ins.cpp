// SPDX-License-Identifier: BSL-1.0
// Plug-ins of the wrong shape that no use::… takes, or that would be taken without what they are
// meant to add; all at once, since each has a message of its own.
//
// wrong_shapes: lifted.*byte_backend.*txn[.]scan[(]from, visit[)]
// wrong_shapes: basic_journal.*file_layer.*F::cut[(]file, offset[)]
// wrong_shapes: reviewing_archetype.*reviewing_policy.*policy[.]review[(]subjects, verdicts[)]
// wrong_shapes: is_place_of_mine.*knows_its_places.*names[.]is_place[(]place[)]
#include <podscope/backend/journal.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/verify/archetypes/reclaim_policy.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

using namespace podscope;

struct bytes {
    static constexpr durability durable = durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;

    struct reader {
        result<std::optional<std::string>> get(std::string_view);
#ifdef wrong_shapes
        // It cannot fail.
        template <class Visitor>
        void scan(std::string_view, Visitor&&);
#else
        template <class Visitor>
        result<void> scan(std::string_view, Visitor&&);
#endif
    };

    struct writer : reader {
        result<void> put(std::string_view, std::string_view);
        result<void> erase(std::string_view);
    };

    template <class F>
    std::invoke_result_t<F&, reader&> read(F&& body);
    template <class F>
    std::invoke_result_t<F&, writer&> write(F&& body);
};

struct files : system_files {
#ifdef wrong_shapes
    // It says nothing of a failure.
    static void cut(int, std::uint64_t) noexcept;
#endif
};

struct asks_first {
    bool ends(verdict) const noexcept;
#ifdef wrong_shapes
    // It cannot change the verdicts.
    void review(std::span<const probe_subject>, std::span<const verdict>, deadline);
#else
    void review(std::span<const probe_subject>, std::span<verdict>);
#endif
};

struct names {
    result<resource> resolve(std::string_view) const;
    std::string display(const resource&) const;
#ifdef wrong_shapes
    result<bool> is_place(const resource&) const;
#else
    bool is_place(const resource&) const;
#endif
};

template <knows_its_places Names>
bool is_place_of_mine(const Names& all, const resource& place) {
    return all.is_place(place);
}

int main() {
    const lifted<bytes> over_bytes{bytes{}};
    using over_files = basic_journal<pod_schema, durability::power, files>;
    const verify::reviewing_archetype<asks_first> policy{asks_first{}};
    return sizeof(over_bytes) + sizeof(over_files) + sizeof(policy) != 0 &&
                   is_place_of_mine(names{}, {})
               ? 0
               : 1;
}
