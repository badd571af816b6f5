// Reads requests in JSON, and decodes only what is asked for. Other values stay slices of the text, as the client wrote them. So numbers
// keep every digit, and PostgreSQL judges 1e999, \u0000 and lone surrogates. All slices live as long as the text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/malformed.h"
#include "protocol/scanner.h"

namespace replicache::protocol {

inline constexpr std::int64_t max_safe_integer = 9007199254740991;  // JavaScript's; what clients can count to
inline constexpr std::size_t max_identifier_bytes = 1000;           // they are keys of B-trees
inline constexpr std::size_t max_members = 100;                     // of an object that is read here; the protocols have no more than ten

// How much of an array has been read.
struct Extent {
    std::size_t read;
    std::size_t all;

    // For one element more, and for as many as the rest will have if it is like what was read: vectors that double their size
    // hold three times what is in them while they do.
    template <typename Element>
    void make_room(std::vector<Element>& elements) const {
        const std::size_t size = elements.size();
        if (size == elements.capacity())
            elements.reserve(std::max(size + size / 8 + 1, static_cast<std::size_t>(static_cast<double>(size) * all / read)));
    }
};

bool is_string_or_number(std::string_view value);  // of a JSON value

// Any JSON value that is written without sign, fraction and exponent, however long.
bool is_unsigned_integer(std::string_view value);

// Up to max_safe_integer. Throws MalformedRequest, with the path, for anything else.
std::int64_t to_unsigned_integer(std::string_view value, const Path& path);

// A string of valid Unicode without NUL. Throws MalformedRequest, with the path, for anything else.
std::string to_text(std::string_view value, const Path& path);

// One JSON object, its members by name; of a name that comes twice the last one counts. The typed readers throw
// MalformedRequest when there is no such member, or one of another type.
class Object {
public:
    Object(std::string_view text, Path path);
    Object(Scanner& scanner, Path path);  // the next value

    std::string_view find(std::string_view name) const;        // empty: missing; no JSON value is empty
    std::string_view find_value(std::string_view name) const;  // null is none either: some clients send it for what others leave out
    std::string_view at(std::string_view name) const;
    std::string path_of(std::string_view name) const;
    std::size_t size() const { return members_.size(); }
    std::string_view source() const { return source_; }  // all of it, as it was written

    std::int64_t unsigned_integer(std::string_view name) const;  // up to max_safe_integer
    std::string text(std::string_view name) const;               // valid Unicode without NUL
    std::string identifier(std::string_view name) const;         // text of 1 to max_identifier_bytes bytes

private:
    void add(std::string_view quoted_name, std::string_view value);

    struct Slice {
        std::string_view quoted_name;
        std::string_view value;
    };
    std::vector<Slice> members_;
    bool escapes_ = false;  // in some name
    std::string_view source_;
    Path path_;
};

// Called before each element of a long array. The server looks there whether it is to stop, and throws.
extern void (*before_element)();

// One after the other, so that a visitor can stop an array that is too long before it takes the memory.
void for_each_element(std::string_view array, const Path& path, const std::function<void(std::string_view, const Extent&)>& visit);
void for_each_object(std::string_view array, const Path& path, const std::function<void(const Object&, const Extent&)>& visit);

}  // namespace replicache::protocol
