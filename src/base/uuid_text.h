// The text of a uuid, as PostgreSQL writes it. Keys of rows are often uuids, and a pull may write a million of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

namespace replicache {

constexpr std::size_t uuid_bytes = 16, uuid_length = 36;

namespace uuid_text {

// The two digits of each byte.
constexpr std::array<char, 512> digits = [] {
    std::array<char, 512> result{};
    for (std::size_t i = 0; i < 256; ++i) {
        result[2 * i] = "0123456789abcdef"[i >> 4];
        result[2 * i + 1] = "0123456789abcdef"[i & 15];
    }
    return result;
}();

}  // namespace uuid_text

// Writes uuid_length characters.
inline void write_uuid(const char* bytes, char* out) {
    for (std::size_t i = 0; i < uuid_bytes; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
        std::memcpy(out, &uuid_text::digits[2 * static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]))], 2);
        out += 2;
    }
}

}  // namespace replicache
