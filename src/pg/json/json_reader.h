// Reads JSON that PostgreSQL has validated before, token by token. It trusts the text to be JSON, and reads nothing beyond
// its end even if it is not. No destructors: fit for what runs guarded.
#pragma once

#include "prelude.h"

#include "base/json_cursor.h"

namespace replicache::pg {

class JsonReader {
public:
    enum class Token { begin_object, end_object, begin_array, end_array, name, string, number, literal_true, literal_false, null, end };

    explicit JsonReader(std::string_view json) : cursor_(json) {}

    // Moves on to the next token.
    Token next();
    // The text between the quotes of a name or string, or the digits of a number.
    std::string_view text() const { return text_; }
    // The whole extent of the value whose first token is the last one read. Moves on to its last token.
    std::string_view value(Token first);

private:
    Token read_string();

    JsonCursor cursor_;
    const char* begin_ = nullptr;  // of the last token
    std::string_view text_;
};

// Decodes the text between the quotes of a string or name. Without escapes, the result points into the text. Otherwise it is allocated in
// the current memory context. Raises PostgreSQL errors: call it guarded.
std::string_view decode_string(std::string_view quoted);
// The same, guarding itself: for names, which hardly ever have escapes.
std::string_view decode_name(std::string_view quoted);

// Calls visit(name, value) for each member of the object; for none if it is not one.
template <class Visit>
void for_each_member(std::string_view object, Visit visit) {
    JsonReader reader(object);
    if (reader.next() != JsonReader::Token::begin_object) return;
    while (reader.next() == JsonReader::Token::name) {
        const std::string_view name = decode_name(reader.text());
        visit(name, reader.value(reader.next()));
    }
}

// A jsonb datum, as jsonb's input function makes it of the same text.
Datum jsonb_datum(std::string_view json);

}  // namespace replicache::pg
