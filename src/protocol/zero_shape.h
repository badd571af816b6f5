// Reads objects of Zero's requests. A malformed one gets the words of Zero's own library, which checks requests with valita: clients and
// their developers know these. Texts as of @rocicorp/zero 1.9.0, shared/src/valita.ts.
#pragma once

#include "protocol/request.h"

namespace replicache::protocol {

// Whether the value is the string of this text, however it is escaped.
bool is_string(std::string_view value, std::string_view text);

// A value as these messages show it.
std::string shown_by_zero(std::string_view value);

// "Expected string at mutations.0.name. Got 5". An empty path is the request itself.
[[noreturn]] void unexpected_by_zero(std::string_view expected, const std::string& path, std::string_view value);

// An object, its members by name. Each reader throws MalformedRequest, so members are to be read in the order of Zero's schema.
class ZeroObject {
public:
    ZeroObject(std::string_view value, std::string path);

    std::string_view at(std::string_view name) const;                                  // any value
    std::string_view find(std::string_view name) const { return object_.find(name); }  // empty: missing
    std::string_view string(std::string_view name) const;                              // as it was written, any characters
    std::string text(std::string_view name) const;                                     // valid Unicode without NUL
    std::string_view number(std::string_view name) const;
    std::int64_t integer(std::string_view name) const;  // 0 to max_safe_integer; Zero's own library takes any number
    std::string_view array(std::string_view name) const;
    void optional_string(std::string_view name) const;              // any string, if it is there
    std::string_view optional_number(std::string_view name) const;  // empty: missing
    std::size_t size() const { return object_.size(); }             // how many members it has
    std::string path_of(std::string_view name) const { return path_.empty() ? std::string(name) : path_ + "." + std::string(name); }

private:
    std::string path_;
    Object object_;
};

// The first element of an array. Empty: there is none.
std::string_view first_element(std::string_view array);

}  // namespace replicache::protocol
