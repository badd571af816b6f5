#include "protocol/malformed.h"

namespace replicache::protocol {

namespace {

// As much of a value as an error message can bear, cut between two characters.
std::string shorten(std::string_view text) {
    constexpr std::size_t limit = 40;
    if (text.size() <= limit) return text.empty() ? "nothing" : std::string(text);
    constexpr std::size_t longest_character = 4;
    std::size_t cut = limit;
    while (cut > limit - longest_character && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    return std::string(text.substr(0, cut)) + "…";
}

}  // namespace

MalformedRequest::MalformedRequest(const Path& path, std::string_view expected, std::string_view got)
    : std::runtime_error(path.text() + ": expected " + std::string(expected) + ", got " + shorten(got)) {}

}  // namespace replicache::protocol
