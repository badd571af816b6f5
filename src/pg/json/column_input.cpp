#include "pg/json/column_input.h"

#include "base/sqlstate.h"
#include "base/text.h"
#include "pg/json/type_input.h"

namespace replicache::pg {
namespace {

constexpr std::size_t most_of_message = 300;
constexpr std::size_t most_of_value = 80;

// Most input functions quote the text that they refuse, just as JSON does.
std::string message_for(const std::string& column, std::string_view message, std::string_view json) {
    std::string result = "column \"" + column + "\": " + shorten(message, most_of_message);
    if (message.find(json) == std::string_view::npos) result += ": " + shorten(json, most_of_value);
    return result;
}

}  // namespace

void ColumnInput::prepare(std::string_view column, Oid type, int32 typmod, MemoryContext context) {
    column_ = column;
    type_ = guarded([&] { return make_type_input(type, typmod, context); });
}

Datum ColumnInput::read(std::string_view json, bool* null) const {
    Datum result = 0;
    auto error = error_of([&] { result = read_value(type_, json, null); });
    if (!error) return result;
    if (!sqlstate::is_about_the_server(error->sqlerrcode())) {
        const char* message = error->data().message;
        error->set_message(message_for(column_, message != nullptr ? message : "", json));
        // What PostgreSQL found wrong with JSON may be all of it.
        const char* detail = error->data().detail;
        if (detail != nullptr) error->set_detail(shorten(detail, most_of_message));
    }
    throw std::move(*error);
}

}  // namespace replicache::pg
