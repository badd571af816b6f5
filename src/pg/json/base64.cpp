#include "pg/json/base64.h"

namespace replicache::pg {
namespace {

// The six bits of a character, or -1.
constexpr int bits_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

}  // namespace

bool decode_base64(std::string_view text, char* bytes, std::size_t* length) {
    if (text.ends_with('=')) {
        if (text.size() % 4 != 0) return false;
        text.remove_suffix(text.ends_with("==") ? 2 : 1);
    }
    char* out = bytes;
    std::uint32_t pending = 0;  // the bits that do not make a whole byte yet
    int count = 0;
    for (const char c : text) {
        const int bits = bits_of(c);
        if (bits < 0) return false;
        pending = pending << 6 | static_cast<std::uint32_t>(bits);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        *out++ = static_cast<char>(pending >> count);
        pending &= (1U << count) - 1;
    }
    *length = static_cast<std::size_t>(out - bytes);
    // If six bits are left over, there is a character too many or too few. If the rest is not 0, the text is not the canonical one for
    // these bytes.
    return count != 6 && pending == 0;
}

}  // namespace replicache::pg
