#include "protocol/writer.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

namespace replicache::protocol {

namespace {

bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

// Whether one of eight bytes is not ASCII, or has to be escaped. The high bit of a byte of the result says so. A byte above one of these
// may have it, too.
std::uint64_t special_bytes(std::uint64_t bytes) {
    constexpr std::uint64_t ones = 0x0101010101010101, high = 0x80 * ones;
    const auto below = [bytes](std::uint64_t limit) { return bytes - ones * limit; };
    const auto is = [bytes](std::uint64_t byte) { return (bytes ^ (ones * byte)) - ones; };
    return (below(' ') | is('"') | is('\\') | bytes) & high;
}

// The first character that is not ASCII, or has to be escaped.
const char* find_special(const char* c, const char* end) {
    for (std::uint64_t bytes; end - c >= static_cast<std::ptrdiff_t>(sizeof bytes); c += sizeof bytes) {
        std::memcpy(&bytes, c, sizeof bytes);
        if (special_bytes(bytes) != 0) break;
    }
    return std::find_if(c, end,
                        [](char byte) { return byte < ' ' || static_cast<unsigned char>(byte) > 0x7f || byte == '"' || byte == '\\'; });
}

}  // namespace

// A text may not be valid UTF-8, for example in a message of a foreign server. The answer must be written all the same.
std::string json_text(std::string_view text) { return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

// Escapes stay as they are, and need not be Unicode; only other bytes have to be looked at.
void Writer::slice(std::string_view name, std::string_view value) {
    const bool stands = is_printable_ascii(value) || nlohmann::json::accept(value);
    json(name, stands ? std::string(value) : json_text(value.substr(1, value.size() - 2)));
}

void Writer::string(std::string_view text) {
    const std::size_t start = text_.size();
    text_ += '"';
    const char* begin = text.data();
    const char* const end = begin + text.size();
    for (const char* c = begin; (c = find_special(c, end)) != end; ++c) {
        if (*c != '"' && *c != '\\') {
            text_.resize(start);
            text_ += json_text(text);
            return;
        }
        text_.append(begin, c) += '\\';
        begin = c;
    }
    text_.append(begin, end) += '"';
}

}  // namespace replicache::protocol
