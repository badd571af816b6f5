// What the fuzz targets share. Each compares what a parser makes of a text with what nlohmann/json makes of it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/malformed.h"
#include "protocol/request.h"

namespace replicache::fuzz {

using Json = nlohmann::json;

// Ends the program, with the reason, when something does not hold.
void check(bool holds, const char* what);

// What PostgreSQL's json would take as well; nothing for what is not JSON. Of a name that comes twice, the last one counts.
std::optional<Json> json_of(std::string_view text);

// All of a slice lies in the text; an empty one may lie anywhere.
void check_within(std::string_view slice, std::string_view text);

// A slice of the text that stands for this member of the object. Empty: there is none, or it is null where null is none.
void check_slice(std::string_view slice, const Json& object, const char* name);

// A message is short, valid UTF-8 if the request is, and says something.
void check_message(std::string_view message, std::string_view text);

// Ends the program when more heap is taken, while it lives, than ten times the text and a little.
class MemoryLimit {
public:
    explicit MemoryLimit(std::string_view text);
    ~MemoryLimit();
    MemoryLimit(const MemoryLimit&) = delete;
    MemoryLimit& operator=(const MemoryLimit&) = delete;
};

// Whether a request was refused for more members than json_of can tell, where equal names are one member.
bool has_too_many_members(std::string_view message, std::string_view text);

// Nothing, when json_of is no judge of why the parser refuses the text. The parser may not throw anything but MalformedRequest.
template <class Parse>
auto parsed(std::string_view text, Parse parse) -> std::optional<std::optional<decltype(parse(text))>> {
    using Result = std::optional<decltype(parse(text))>;
    try {
        const MemoryLimit limit(text);
        return Result(parse(text));
    } catch (const protocol::MalformedRequest& malformed) {
        check_message(malformed.what(), text);
        return has_too_many_members(malformed.what(), text) ? std::nullopt : std::optional<Result>(Result());
    }
}

// What the models of the protocols ask of a request. They throw Refused where it is malformed.
struct Refused {};
void require(bool holds);
const Json* member(const Json& object, const char* name);          // null is a value
const Json* member_or_null(const Json& object, const char* name);  // null is none
std::string text_of(const Json* value);
std::string identifier_of(const Json* value);
std::int64_t number_of(const Json* value);

// The targets, by the names of test/fuzz/run.
void push(std::string_view text);
void pull(std::string_view text);
void upload(std::string_view text);
void sync(std::string_view text);
void zero(std::string_view text);
void reader(std::string_view text);
void integer(std::string_view text);
void queries(std::string_view text);
void query_template(std::string_view text);

}  // namespace replicache::fuzz
