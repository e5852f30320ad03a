// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Keys of any length in a database whose keys have 1 to 511 bytes.
///
/// A key is stored behind one byte, so that none is empty. Those of at least `lmdb_cut` bytes that
/// begin alike share one row under that beginning, which holds what follows in each and its value,
/// in order. Such a row stands where its keys would, since all keys between them begin so too.
namespace podscope::backend_detail {

inline constexpr std::size_t lmdb_cut = 510;
inline constexpr char lmdb_key_mark = 'k';

[[nodiscard]] inline std::string lmdb_key(std::string_view key) {
    std::string made;
    made.reserve(1 + lmdb_cut);
    made.append(1, lmdb_key_mark).append(key.substr(0, lmdb_cut));
    return made;
}

/// Whether keys share the row.
[[nodiscard]] constexpr bool is_lmdb_bundle(std::string_view stored_key) noexcept {
    return stored_key.size() == 1 + lmdb_cut;
}

/// Reads the pairs of a shared row, one after the other.
class lmdb_bundle {
public:
    explicit lmdb_bundle(std::string_view bytes) noexcept : rest_{bytes} {}

    struct pair {
        std::string_view tail{};
        std::string_view value{};
    };

    /// The next pair. Nothing at the end, or where it makes no sense.
    [[nodiscard]] std::optional<pair> next() noexcept {
        pair found;
        if (rest_.empty()) {
            return std::nullopt;
        }
        is_whole_ = take(found.tail) && take(found.value);
        return is_whole_ ? std::optional{found} : std::nullopt;
    }

    /// False once `next` has met what makes no sense: the row is damaged.
    [[nodiscard]] bool is_whole() const noexcept { return is_whole_; }

    static void append(std::string& to, const pair& one) {
        for (const auto part : {one.tail, one.value}) {
            std::uint64_t size = part.size();
            for (std::size_t i = 0; i != size_bytes; ++i, size >>= 8U) {
                to.push_back(static_cast<char>(size & 0xFFU));
            }
            to.append(part);
        }
    }

private:
    static constexpr std::size_t size_bytes = 8;

    [[nodiscard]] bool take(std::string_view& part) noexcept {
        if (rest_.size() < size_bytes) {
            return false;
        }
        std::uint64_t size = 0;
        for (std::size_t i = size_bytes; i-- != 0;) {
            size = size << 8U | static_cast<unsigned char>(rest_[i]);
        }
        if (size > rest_.size() - size_bytes) {
            return false;
        }
        part = rest_.substr(size_bytes, static_cast<std::size_t>(size));
        rest_.remove_prefix(size_bytes + static_cast<std::size_t>(size));
        return true;
    }

    std::string_view rest_;
    bool is_whole_ = true;
};

/// The row with a pair put in, or taken out if there is no value. Nothing if it is damaged.
[[nodiscard]] inline std::optional<std::string> changed_bundle(
    std::string_view before, std::string_view tail, std::optional<std::string_view> value) {
    std::string after;
    after.reserve(before.size());
    lmdb_bundle rest{before};
    bool is_in = !value;
    while (const auto one = rest.next()) {
        if (!is_in && tail <= one->tail) {
            lmdb_bundle::append(after, {tail, *value});
            is_in = true;
        }
        if (one->tail != tail) {
            lmdb_bundle::append(after, *one);
        }
    }
    if (!rest.is_whole()) {
        return std::nullopt;
    }
    if (!is_in) {
        lmdb_bundle::append(after, {tail, *value});
    }
    return after;
}

} // namespace podscope::backend_detail
