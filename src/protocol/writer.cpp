#include "protocol/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace replicache::protocol {

namespace {

bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

// A text may not be valid UTF-8, for example in a message of a foreign server. The answer must be written all the same.
std::string quote(std::string_view text) { return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

}  // namespace

// Escapes stay as they are, and need not be Unicode; only other bytes have to be looked at.
void Writer::slice(std::string_view name, std::string_view value) {
    const bool stands = is_printable_ascii(value) || nlohmann::json::accept(value);
    json(name, stands ? std::string(value) : quote(value.substr(1, value.size() - 2)));
}

void Writer::string(std::string_view text) {
    if (!is_printable_ascii(text)) {
        text_ += quote(text);
        return;
    }
    text_ += '"';
    const char* begin = text.data();
    const char* const end = begin + text.size();
    for (const char* c = begin; c != end; ++c) {
        if (*c == '"' || *c == '\\') {
            text_.append(begin, c) += '\\';
            begin = c;
        }
    }
    text_.append(begin, end) += '"';
}

}  // namespace replicache::protocol
