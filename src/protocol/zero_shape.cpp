#include "protocol/zero_shape.h"

#include "base/json_cursor.h"
#include "base/text.h"

namespace replicache::protocol {

namespace {

constexpr std::size_t most_shown = 200;  // bytes of a value in a message

bool is_number(std::string_view value) { return value.front() == '-' || is_digit(value.front()); }

std::string_view checked_object(std::string_view value, const std::string& path) {
    value = trim(value, is_json_whitespace);
    if (!value.starts_with('{')) unexpected_by_zero("object", path, value);
    return value;
}

}  // namespace

bool is_string(std::string_view value, std::string_view text) {
    try {
        return value.starts_with('"') && to_text(value, "") == text;
    } catch (const MalformedRequest&) {
        return false;
    }
}

std::string shown_by_zero(std::string_view value) {
    if (value.starts_with('{')) return "object";
    if (value.starts_with('[')) return "array";
    return shorten(value, most_shown);
}

void unexpected_by_zero(std::string_view expected, const std::string& path, std::string_view value) {
    throw MalformedRequest("Expected " + std::string(expected) + (path.empty() ? "" : " at " + path) + ". Got " + shown_by_zero(value));
}

ZeroObject::ZeroObject(std::string_view value, std::string path)
    : path_(std::move(path)), object_(checked_object(value, path_), path_.empty() ? "request" : path_) {}

std::string_view ZeroObject::at(std::string_view name) const {
    const std::string_view value = object_.find(name);
    if (value.empty()) throw MalformedRequest("Missing property " + std::string(name) + (path_.empty() ? "" : " at " + path_));
    return value;
}

std::string_view ZeroObject::string(std::string_view name) const {
    const std::string_view value = at(name);
    if (!value.starts_with('"')) unexpected_by_zero("string", path_of(name), value);
    return value;
}

std::string ZeroObject::text(std::string_view name) const { return to_text(string(name), path_of(name)); }

std::string_view ZeroObject::number(std::string_view name) const {
    const std::string_view value = at(name);
    if (!is_number(value)) unexpected_by_zero("number", path_of(name), value);
    return value;
}

std::int64_t ZeroObject::integer(std::string_view name) const { return to_unsigned_integer(number(name), path_of(name)); }

std::string_view ZeroObject::array(std::string_view name) const {
    const std::string_view value = at(name);
    if (!value.starts_with('[')) unexpected_by_zero("array", path_of(name), value);
    return value;
}

void ZeroObject::optional_string(std::string_view name) const {
    if (!find(name).empty()) string(name);
}

std::string_view ZeroObject::optional_number(std::string_view name) const { return find(name).empty() ? find(name) : number(name); }

std::string_view first_element(std::string_view array) {
    const Path path = "args";
    Scanner scanner(array, path);
    scanner.open('[', "an array");
    return scanner.at(']') ? std::string_view() : scanner.value();
}

}  // namespace replicache::protocol
