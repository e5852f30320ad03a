// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/wire.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace podscope::backend_detail {

/// Appends to a string in many small pieces, for not much more than their bytes: the string grows
/// ahead of what is written, a step at a time, and has its right length when the writer is gone.
/// Until then it is the writer's.
///
/// What appends may throw std::bad_alloc; what was appended before stands.
class wire_writer {
public:
    explicit wire_writer(std::string& out) noexcept
        : out_{&out},
          at_{out.data() + out.size()},
          end_{at_} {}

    wire_writer(const wire_writer&) = delete;
    wire_writer& operator=(const wire_writer&) = delete;

    ~wire_writer() { out_->resize(size()); }

    /// Of all that the string holds.
    [[nodiscard]] std::size_t size() const noexcept {
        return static_cast<std::size_t>(at_ - out_->data());
    }

    void push_back(char byte) {
        reserve(1);
        *at_++ = byte;
    }

    void append(std::string_view bytes) {
        reserve(bytes.size());
        at_ = std::copy_n(bytes.data(), bytes.size(), at_);
    }

    /// Appends bytes with their length in front.
    void append_text(std::string_view bytes) {
        if (bytes.size() < 0x80) {
            reserve(1 + bytes.size());
            *at_++ = static_cast<char>(bytes.size());
            at_ = std::copy_n(bytes.data(), bytes.size(), at_);
        } else {
            put_varint(*this, bytes.size());
            append(bytes);
        }
    }

    static constexpr std::size_t padding = 32;

    /// Appends bytes behind which there are more that can be read, `padding` in all at least: so
    /// that it can copy as many whatever is wanted of them, which takes a fraction of the time.
    void append_padded(std::string_view bytes) {
        if (bytes.size() > padding) {
            append(bytes);
            return;
        }
        reserve(padding);
        std::memcpy(at_, bytes.data(), padding);
        at_ += bytes.size();
    }

    /// Appends the low bytes of a number, the lowest first, without the zeros above them, with
    /// their number in front.
    void append_number(std::uint64_t value) {
        constexpr std::size_t widest = sizeof(value);
        reserve(1 + widest);
        const auto width = (static_cast<std::size_t>(std::bit_width(value)) + 7) / 8;
        *at_++ = static_cast<char>(width);
        store_fixed(at_, value, widest);
        at_ += width;
    }

    /// Begins a byte string with its length in front, which is not known yet. The answer is for
    /// `close_text`.
    [[nodiscard]] std::size_t open_text() {
        push_back('\0');
        return size();
    }

    /// Makes a byte string of what was appended since it was opened. Moves it once if its length
    /// needs more than the one byte that was left for it.
    void close_text(std::size_t opened) {
        const auto length = size() - opened;
        if (length < 0x80) {
            out_->data()[opened - 1] = static_cast<char>(length);
        } else {
            close_long_text(opened, length);
        }
    }

private:
    void close_long_text(std::size_t opened, std::size_t length) {
        std::string prefix;
        put_varint(prefix, length);
        const auto more = prefix.size() - 1;
        reserve(more);
        char* const text = out_->data() + opened;
        std::memmove(text + more, text, length);
        std::ranges::copy(prefix, text - 1);
        at_ += more;
    }

    void reserve(std::size_t more) {
        if (static_cast<std::size_t>(end_ - at_) < more) {
            grow(more);
        }
    }

    void grow(std::size_t more) {
        constexpr std::size_t step = 256;
        const auto written = size();
        out_->resize(written + std::max(more, step));
        at_ = out_->data() + written;
        end_ = out_->data() + out_->size();
    }

    std::string* out_;
    char* at_;  // up to which it was written
    char* end_; // of what the string has
};

inline void put_text(wire_writer& out, std::string_view text) {
    out.append_text(text);
}

} // namespace podscope::backend_detail
