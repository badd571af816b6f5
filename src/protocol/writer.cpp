#include "protocol/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace replicache::protocol {

bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

std::string quote(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
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
