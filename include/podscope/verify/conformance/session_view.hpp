// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/verify/conformance/opened.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope::verify::conformance {

using entry_visitor = std::function<scan(std::uint64_t, const session_entry&)>;

/// Any session store, as the kit sees it: its checks are compiled once and not for each store.
class any_sessions {
public:
    any_sessions() = default;
    any_sessions(const any_sessions&) = delete;
    any_sessions& operator=(const any_sessions&) = delete;
    virtual ~any_sessions() = default;

    [[nodiscard]] virtual result<std::string> create(const lineage& from) = 0;
    [[nodiscard]] virtual result<std::uint64_t> append(std::string_view id,
                                                       const session_entry& entry) = 0;
    [[nodiscard]] virtual result<void>
    read(std::string_view id, std::uint64_t from, const entry_visitor& visit) = 0;
    [[nodiscard]] virtual result<segment_info> info(std::string_view id) = 0;
    [[nodiscard]] virtual result<std::vector<std::string>> list() = 0;
};

class any_session_place {
public:
    any_session_place() = default;
    any_session_place(const any_session_place&) = delete;
    any_session_place& operator=(const any_session_place&) = delete;
    virtual ~any_session_place() = default;

    [[nodiscard]] virtual result<std::unique_ptr<any_sessions>> open() = 0;
};

using session_place_maker = std::function<std::unique_ptr<any_session_place>()>;

template <session_store Sessions>
class sessions_of final : public any_sessions {
public:
    explicit sessions_of(Sessions sessions) : sessions_{std::move(sessions)} {}

    result<std::string> create(const lineage& from) override { return sessions_.create(from); }

    result<std::uint64_t> append(std::string_view id, const session_entry& entry) override {
        return sessions_.append(id, entry);
    }

    result<void>
    read(std::string_view id, std::uint64_t from, const entry_visitor& visit) override {
        return sessions_.read(id, from, visit);
    }

    result<segment_info> info(std::string_view id) override { return sessions_.info(id); }

    result<std::vector<std::string>> list() override { return sessions_.list(); }

private:
    Sessions sessions_;
};

template <class Make>
class session_place_of final : public any_session_place {
public:
    using place = std::invoke_result_t<Make&>;
    using plug_in = plug_in_of<place>;

    explicit session_place_of(Make& make) : place_{make()} {}

    result<std::unique_ptr<any_sessions>> open() override {
        auto opened = opened_at(place_);
        if (!opened) {
            return fail(opened);
        }
        return std::make_unique<sessions_of<plug_in>>(*std::move(opened));
    }

private:
    place place_;
};

/// A new store, opened.
struct opened_sessions {
    explicit opened_sessions(trial& t, const session_place_maker& make)
        : at{make()},
          store{t.must(at->open(), "opening it")} {}

    any_sessions* operator->() const noexcept { return store.get(); }

    std::unique_ptr<any_session_place> at;
    std::unique_ptr<any_sessions> store;
};

[[nodiscard]] inline std::string to_text(const session_entry& entry) {
    return in_quotes(entry.kind) + " " + in_quotes(entry.body);
}

} // namespace podscope::verify::conformance
