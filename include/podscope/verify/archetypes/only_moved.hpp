// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace podscope::verify {

/// What every archetype is besides what its concept says: made from what is beneath it, moved to
/// where it stays, and destroyed. No default constructor, no copy, no assignment, no comparison.
class only_moved {
public:
    only_moved(only_moved&&) = default;
    only_moved& operator=(only_moved&&) = delete;

protected:
    only_moved() = default;
    ~only_moved() = default;
};

/// A value that converts to `T` and can do nothing else: what a concept asks for by
/// `std::convertible_to<T>`.
template <class T>
class converts_to {
public:
    explicit constexpr converts_to(T value) noexcept : value_{value} {}

    converts_to(const converts_to&) = delete;
    converts_to& operator=(const converts_to&) = delete;

    // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions)
    constexpr operator T() const noexcept { return value_; }

private:
    T value_;
};

} // namespace podscope::verify
