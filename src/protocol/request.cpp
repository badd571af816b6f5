#include "protocol/request.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace replicache::protocol {

namespace {

// Nothing for what is no sequence of Unicode characters, such as a lone surrogate.
std::optional<std::string> decode_string(std::string_view quoted) {
    const std::string_view inner = quoted.substr(1, quoted.size() - 2);
    if (std::ranges::all_of(inner, [](char c) { return c >= ' ' && c < '\x7f' && c != '\\'; })) return std::string(inner);
    // JSON allows no control characters in strings. The parser would list each of them in an error that is not shown.
    if (std::ranges::any_of(inner, [](char c) { return static_cast<unsigned char>(c) < ' '; })) return std::nullopt;
    auto decoded = nlohmann::json::parse(quoted, nullptr, /*allow_exceptions=*/false);
    if (!decoded.is_string()) return std::nullopt;
    return std::move(decoded.get_ref<std::string&>());
}

template <typename Visit>  // visit(quoted name, value)
void for_each_member(Scanner& scanner, Visit visit) {
    scanner.open('{', "an object");
    if (!scanner.take('}')) {
        do {
            const std::string_view name = scanner.string();
            scanner.expect(':', R"(":")");
            visit(name, scanner.value());
        } while (scanner.take(','));
        scanner.expect('}', R"("," or "}")");
    }
}

template <typename Take>  // take(extent), which is to take the value
void take_elements(std::string_view array, Scanner& scanner, Take take) {
    scanner.open('[', "an array");
    if (!scanner.take(']')) {
        do {
            before_element();
            take(Extent{static_cast<std::size_t>(scanner.position() - array.data()), array.size()});
        } while (scanner.take(','));
        scanner.expect(']', R"("," or "]")");
    }
    scanner.expect_end();
}

}  // namespace

void (*before_element)() = [] {};

bool is_string_or_number(std::string_view value) { return value.front() == '"' || value.front() == '-' || is_digit(value.front()); }

bool is_unsigned_integer(std::string_view value) { return !value.empty() && std::ranges::all_of(value, is_digit); }

namespace {

template <typename PathOf>  // the path is for the error only
std::int64_t read_unsigned_integer(std::string_view value, PathOf path_of) {
    if (!is_unsigned_integer(value)) throw MalformedRequest(path_of(), "an unsigned integer", value);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || number > max_safe_integer)
        throw MalformedRequest(path_of(), "an unsigned integer up to " + std::to_string(max_safe_integer), value);
    return number;
}

template <typename PathOf>
std::string read_text(std::string_view value, PathOf path_of) {
    if (!value.starts_with('"')) throw MalformedRequest(path_of(), "a string", value);
    auto decoded = decode_string(value);
    if (!decoded) throw MalformedRequest(path_of(), "a string of valid Unicode", value);
    if (decoded->find('\0') != std::string::npos) throw MalformedRequest(path_of(), "a string without \\u0000", value);
    return std::move(*decoded);
}

}  // namespace

std::int64_t to_unsigned_integer(std::string_view value, const Path& path) {
    return read_unsigned_integer(
        value, [&] { return path; });
}

std::string to_text(std::string_view value, const Path& path) {
    return read_text(
        value, [&] { return path; });
}

Object::Object(std::string_view text, Path path) : path_(std::move(path)) {
    Scanner scanner(text, path_);
    for_each_member(scanner, [&](std::string_view name, std::string_view value) { add(name, value); });
    scanner.expect_end();
    source_ = text;
}

Object::Object(Scanner& scanner, Path path) : path_(std::move(path)) {
    if (!scanner.at('{')) throw MalformedRequest(path_, "an object", scanner.value());
    const char* const begin = scanner.position();
    for_each_member(scanner, [&](std::string_view name, std::string_view value) { add(name, value); });
    source_ = {begin, static_cast<std::size_t>(scanner.position() - begin)};
}

void Object::add(std::string_view quoted_name, std::string_view value) {
    if (members_.empty())
        members_.reserve(8);  // enough for all that we know
    else if (members_.size() == max_members)
        throw MalformedRequest(path_, "at most " + std::to_string(max_members) + " members", "more");
    escapes_ = escapes_ || quoted_name.find('\\') != std::string_view::npos;
    members_.push_back({quoted_name, value});
}

std::string_view Object::find(std::string_view name) const {
    const auto last = std::find_if(members_.rbegin(), members_.rend(), [&](const Slice& member) {
        const std::string_view quoted = member.quoted_name;
        // A name that cannot be decoded is none that we know, and what we do not know is ignored.
        return quoted.substr(1, quoted.size() - 2) == name || (escapes_ && decode_string(quoted) == name);
    });
    return last == members_.rend() ? std::string_view() : last->value;
}

std::string_view Object::find_value(std::string_view name) const {
    const std::string_view value = find(name);
    return value == "null" ? std::string_view() : value;
}

std::string_view Object::at(std::string_view name) const {
    const std::string_view value = find(name);
    if (value.empty()) throw MalformedRequest(path_of(name) + ": missing");
    return value;
}

std::string Object::path_of(std::string_view name) const { return path_.text() + "." + std::string(name); }

std::int64_t Object::unsigned_integer(std::string_view name) const {
    return read_unsigned_integer(
        at(name), [&] { return path_of(name); });
}

std::string Object::text(std::string_view name) const {
    return read_text(
        at(name), [&] { return path_of(name); });
}

std::string Object::identifier(std::string_view name) const {
    std::string id = text(name);
    if (id.empty() || id.size() > max_identifier_bytes) {
        const std::string limits = "1 to " + std::to_string(max_identifier_bytes) + " bytes";
        throw MalformedRequest(path_of(name), "a string of " + limits, at(name));
    }
    return id;
}

void for_each_element(std::string_view array, const Path& path, const std::function<void(std::string_view, const Extent&)>& visit) {
    Scanner scanner(array, path);
    take_elements(array, scanner, [&](const Extent& read) { visit(scanner.value(), read); });
}

void for_each_object(std::string_view array, const Path& path, const std::function<void(const Object&, const Extent&)>& visit) {
    std::size_t index = 0;
    Scanner scanner(array, path);
    take_elements(array, scanner, [&](const Extent& read) { visit(Object(scanner, Path(path.text(), index++)), read); });
}

}  // namespace replicache::protocol
