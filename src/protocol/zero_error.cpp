#include "protocol/zero_error.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_cursor.h"
#include "base/sqlstate.h"
#include "base/text.h"

namespace replicache::protocol {

namespace {

constexpr std::size_t max_depth = 100;  // PostgreSQL reads nested JSON by recursion, and refuses what is too deep

// How deep the brackets of a JSON text are nested.
std::size_t depth_of(std::string_view json) {
    std::size_t depth = 0, deepest = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (c == '"') quoted = !quoted;
        if (quoted && c == '\\') ++i;
        if (quoted) continue;
        if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
        if ((c == '}' || c == ']') && depth > 0) --depth;
    }
    return deepest;
}

bool is_json_for_client(std::string_view detail) {
    return (detail.starts_with('{') || detail.starts_with('[')) && depth_of(detail) <= max_depth && nlohmann::json::accept(detail);
}

}  // namespace

void write_zero_details(Writer& writer, const Failure& failure) {
    const std::string_view detail = failure.detail ? trim(*failure.detail, is_json_whitespace) : std::string_view();
    if (is_json_for_client(detail))
        writer.json("details", detail);
    else if (sqlstate::pack(failure.sqlstate) != sqlstate::raise_exception)
        writer.json("details", R"({"name":"error"})");
    else if (failure.detail)
        writer.member("details", *failure.detail);
}

}  // namespace replicache::protocol
