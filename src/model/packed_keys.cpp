#include "model/packed_keys.h"

#include "base/uuid_text.h"

#include <algorithm>
#include <array>

namespace replicache {
namespace {

constexpr bool has_hyphen(std::size_t position) { return position == 8 || position == 13 || position == 18 || position == 23; }

// -1: not a digit of a uuid as PostgreSQL writes it.
constexpr int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Whether the text ends in a uuid, and its bytes.
bool read_uuid(std::string_view text, std::array<char, uuid_bytes>& bytes) {
    if (text.size() < uuid_length) return false;
    text.remove_prefix(text.size() - uuid_length);
    std::size_t digits = 0;
    for (std::size_t i = 0; i < uuid_length; ++i) {
        if (has_hyphen(i)) {
            if (text[i] != '-') return false;
            continue;
        }
        const int value = digit(text[i]);
        if (value < 0) return false;
        char& byte = bytes[digits / 2];
        byte = static_cast<char>(digits % 2 == 0 ? value << 4 : static_cast<unsigned char>(byte) | value);
        ++digits;
    }
    return true;
}

void append_uuid(std::string& text, std::string_view bytes) {
    const std::size_t start = text.size();
    text.resize(start + uuid_length);
    write_uuid(bytes.data(), text.data() + start);
}

// Seven bits a byte, the lowest first; the highest bit says that more follow.
void append_number(std::string& bytes, std::size_t number) {
    for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
    bytes += static_cast<char>(number);
}

std::size_t common_start(std::string_view a, std::string_view b) {
    return static_cast<std::size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin()).first - a.begin());
}

}  // namespace

// A key is: how much of its start is that of the key before, with a bit for a uuid at its end; how many bytes follow; these bytes; the
// uuid.
void KeyPacker::add(std::string_view key) {
    std::array<char, uuid_bytes> uuid;
    const bool has_uuid = read_uuid(key, uuid);
    if (has_uuid) key.remove_suffix(uuid_length);
    const std::size_t shared = common_start(key, before_);
    append_number(bytes_, shared << 1 | static_cast<std::size_t>(has_uuid));
    append_number(bytes_, key.size() - shared);
    bytes_ += key.substr(shared);
    if (has_uuid) bytes_.append(uuid.data(), uuid.size());
    before_.resize(shared);
    before_ += key.substr(shared);
}

bool KeyUnpacker::fail() {
    malformed_ = true;
    rest_ = {};
    return false;
}

bool KeyUnpacker::take_number(std::size_t& number) {
    number = 0;
    for (unsigned shift = 0; shift < 63 && !rest_.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        number |= static_cast<std::size_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

bool KeyUnpacker::next() {
    if (rest_.empty()) return false;
    std::size_t shared = 0, length = 0;
    if (!take_number(shared) || !take_number(length)) return fail();
    const bool has_uuid = (shared & 1) != 0;
    shared >>= 1;
    if (shared > start_ || length > rest_.size()) return fail();
    key_.resize(shared);
    key_ += rest_.substr(0, length);
    rest_.remove_prefix(length);
    start_ = key_.size();
    if (!has_uuid) return true;
    if (rest_.size() < uuid_bytes) return fail();
    append_uuid(key_, rest_.substr(0, uuid_bytes));
    rest_.remove_prefix(uuid_bytes);
    return true;
}

}  // namespace replicache
