// Short names for texts that are long or that others must not see.
#pragma once

#include "pg/border.h"

extern "C" {
#include "common/hashfn.h"
}

namespace replicache::pg {

// 16 hexadecimal digits.
inline std::string hex_hash(std::string_view text) {
    const std::uint64_t hash = hash_bytes_extended(reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()), 0);
    std::string digits(16, '0');
    for (int i = 0; i < 16; ++i) digits[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    return digits;
}

}  // namespace replicache::pg
