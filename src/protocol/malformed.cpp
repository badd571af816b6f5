#include "protocol/malformed.h"

#include "base/text.h"

namespace replicache::protocol {

namespace {

constexpr std::size_t most_of_value = 40;

std::string shown(std::string_view text) { return text.empty() ? "nothing" : shorten(text, most_of_value); }

}  // namespace

MalformedRequest::MalformedRequest(const Path& path, std::string_view expected, std::string_view got)
    : std::runtime_error(path.text() + ": expected " + std::string(expected) + ", got " + shown(got)) {}

}  // namespace replicache::protocol
