// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope::verify {

/// The least transaction that reads bytes.
template <class Txn>
class byte_reader_archetype {
public:
    explicit byte_reader_archetype(Txn& beneath) noexcept : beneath_{&beneath} {}

    byte_reader_archetype(const byte_reader_archetype&) = delete;
    byte_reader_archetype& operator=(const byte_reader_archetype&) = delete;

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) {
        return beneath_->get(key);
    }

    template <std::copy_constructible Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, const Visitor& visit) {
        const Visitor copy{visit};
        return beneath_->scan(from,
                              [&](std::string_view key, std::string_view value) -> podscope::scan {
                                  return copy(std::as_const(key), std::as_const(value));
                              });
    }

protected:
    Txn* beneath_;
};

/// The least transaction that writes bytes.
template <class Txn>
class byte_writer_archetype : public byte_reader_archetype<Txn> {
public:
    using byte_reader_archetype<Txn>::byte_reader_archetype;

    [[nodiscard]] result<void> put(std::string_view key, std::string_view value) {
        return this->beneath_->put(key, value);
    }

    [[nodiscard]] result<void> erase(std::string_view key) { return this->beneath_->erase(key); }
};

/// The least `byte_backend`, for what is written over one. It does what the backend beneath it
/// does, and copies the bodies that it runs.
template <byte_backend Backend>
class byte_backend_archetype : only_moved {
public:
    static constexpr converts_to<durability> durable{Backend::durable};
    static constexpr converts_to<podscope::reach> reaches{Backend::reaches};

    using reader = byte_reader_archetype<typename Backend::reader>;
    using writer = byte_writer_archetype<typename Backend::writer>;

    explicit byte_backend_archetype(Backend beneath) : beneath_{std::move(beneath)} {}

    template <std::copy_constructible F>
    [[nodiscard]] std::invoke_result_t<const F&, reader&> read(const F& body) {
        const F copy{body};
        return beneath_.read([&](typename Backend::reader& txn) {
            reader least{txn};
            return copy(least);
        });
    }

    template <std::copy_constructible F>
    [[nodiscard]] std::invoke_result_t<const F&, writer&> write(const F& body) {
        const F copy{body};
        return beneath_.write([&](typename Backend::writer& txn) {
            writer least{txn};
            return copy(least);
        });
    }

private:
    Backend beneath_;
};

} // namespace podscope::verify
