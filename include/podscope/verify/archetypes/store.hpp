// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope::verify {

/// The least handle of a record: it says whether there is one, and shows it.
template <class Handle, class Record>
class handle_archetype : only_moved {
public:
    explicit handle_archetype(Handle beneath) : beneath_{std::move(beneath)} {}

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(beneath_); }

    [[nodiscard]] const Record& operator*() const { return *beneath_; }

private:
    Handle beneath_;
};

/// The least transaction that reads: it is neither copied nor constant, and it takes its visitors
/// as they are allowed to be taken, as copies that do not change.
template <class Txn>
class reader_archetype {
public:
    explicit reader_archetype(Txn& beneath) noexcept : beneath_{&beneath} {}

    reader_archetype(const reader_archetype&) = delete;
    reader_archetype& operator=(const reader_archetype&) = delete;

    template <table T>
    [[nodiscard]] auto get(std::string_view key) {
        using handle = std::remove_cvref_t<decltype(*beneath_->template get<T>(key))>;
        using shown = handle_archetype<handle, typename T::record>;
        auto found = beneath_->template get<T>(key);
        return found ? result<shown>{shown{*std::move(found)}} : fail(found);
    }

    template <table T, std::copy_constructible Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, const Visitor& visit) {
        const Visitor copy{visit};
        return beneath_->template scan<T>(
            from, [&](std::string_view key, const typename T::record& value) -> podscope::scan {
                return copy(std::as_const(key), value);
            });
    }

protected:
    Txn* beneath_;
};

/// The least transaction that writes.
template <class Txn>
class writer_archetype : public reader_archetype<Txn> {
public:
    using reader_archetype<Txn>::reader_archetype;

    template <table T>
    [[nodiscard]] result<void> put(std::string_view key, const typename T::record& value) {
        return this->beneath_->template put<T>(key, value);
    }

    template <table T>
    [[nodiscard]] result<void> erase(std::string_view key) {
        return this->beneath_->template erase<T>(key);
    }
};

/// The least `typed_store`: what is written over it compiles with every store, whatever else those
/// can do. It does what the store beneath it does, and copies the bodies that it runs.
///
/// Code of one's own is tried with it as the library's is:
///
///     store_archetype store{basic_memory<my_schema>{}};
template <typed_store Store,
          template <class> class Reader = reader_archetype,
          template <class> class Writer = writer_archetype>
class store_archetype : only_moved {
public:
    static constexpr converts_to<durability> durable{Store::durable};
    static constexpr converts_to<podscope::reach> reaches{Store::reaches};

    using reader = Reader<typename Store::reader>;
    using writer = Writer<typename Store::writer>;

    explicit store_archetype(Store beneath) : beneath_{std::move(beneath)} {}

    template <std::copy_constructible F>
    [[nodiscard]] std::invoke_result_t<const F&, reader&> read(const F& body) {
        const F copy{body};
        return beneath_.read([&](typename Store::reader& txn) {
            reader least{txn};
            return copy(least);
        });
    }

    template <std::copy_constructible F>
    [[nodiscard]] std::invoke_result_t<const F&, writer&> write(const F& body) {
        const F copy{body};
        return beneath_.write([&](typename Store::writer& txn) {
            writer least{txn};
            return copy(least);
        });
    }

protected:
    Store beneath_;
};

/// The least store with a generation.
template <has_generation Store>
class generation_archetype : public store_archetype<Store> {
public:
    explicit generation_archetype(Store beneath) : store_archetype<Store>{std::move(beneath)} {}

    [[nodiscard]] std::uint64_t generation() const noexcept {
        return std::as_const(this->beneath_).generation();
    }
};

/// The least store with commits of delayed durability. Over one that has none it has them as plain
/// ones.
///
/// @tparam Base `generation_archetype<Store>` for a store with both refinements
template <typed_store Store, class Base = store_archetype<Store>>
class delay_archetype : public Base {
public:
    explicit delay_archetype(Store beneath) : Base{std::move(beneath)} {}

    template <std::copy_constructible F>
    [[nodiscard]] std::invoke_result_t<const F&, typename store_archetype<Store>::writer&>
    write_delayed(const F& body) {
        const F copy{body};
        return podscope::write_delayed(this->beneath_, [&](typename Store::writer& txn) {
            typename store_archetype<Store>::writer least{txn};
            return copy(least);
        });
    }
};

} // namespace podscope::verify
