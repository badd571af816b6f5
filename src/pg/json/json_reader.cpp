#include "pg/json/json_reader.h"

#include "base/text.h"
#include "pg/border.h"
#include "pg/compat.h"

extern "C" {
#include "utils/numeric.h"
}

namespace replicache::pg {
namespace {

constexpr bool is_separator(char c) { return c == ',' || c == ':' || is_json_whitespace(c); }
constexpr bool is_number_character(char c) { return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'; }

Datum jsonb_by_input_function(std::string_view json) {
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(json.data(), json.size())));
}

Numeric numeric_of(std::string_view digits) {
    constexpr std::size_t safe_digits = 18;
    if (digits.size() <= safe_digits) {
        std::int64_t number;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error == std::errc() && end == digits.data() + digits.size()) return int64_to_numeric(number);
    }
    return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(digits.data(), digits.size())),
                                               ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

JsonbValue string_value(std::string_view text) {
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char*>(text.data());
    value.val.string.len = static_cast<int>(text.size());
    return value;
}

// Decodes a string with escapes into `buffer`, which has room for as many bytes. False: it has a \u, which only PostgreSQL's own lexer can
// decode.
bool unescape_json(std::string_view text, char* buffer, std::size_t* length) {
    char* out = buffer;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            *out++ = text[i];
            continue;
        }
        if (++i == text.size()) return false;
        switch (text[i]) {
            case '"':
            case '\\':
            case '/': *out++ = text[i]; break;
            case 'b': *out++ = '\b'; break;
            case 'f': *out++ = '\f'; break;
            case 'n': *out++ = '\n'; break;
            case 'r': *out++ = '\r'; break;
            case 't': *out++ = '\t'; break;
            default: return false;
        }
    }
    *length = static_cast<std::size_t>(out - buffer);
    return true;
}

}  // namespace

JsonReader::Token JsonReader::next() {
    cursor_.skip(is_separator);
    if (cursor_.at_end()) return Token::end;
    begin_ = cursor_.position();
    switch (cursor_.current()) {
        case '{': cursor_.step(); return Token::begin_object;
        case '}': cursor_.step(); return Token::end_object;
        case '[': cursor_.step(); return Token::begin_array;
        case ']': cursor_.step(); return Token::end_array;
        case '"': return read_string();
        case 't':
        case 'f':
        case 'n':
            cursor_.skip([](char c) { return c >= 'a' && c <= 'z'; });
            return *begin_ == 't' ? Token::literal_true : *begin_ == 'f' ? Token::literal_false : Token::null;
        default:
            cursor_.skip(is_number_character);
            text_ = cursor_.since(begin_);
            return text_.empty() ? Token::end : Token::number;
    }
}

JsonReader::Token JsonReader::read_string() {
    if (!cursor_.skip_string()) {
        cursor_.go_to_end();
        return Token::end;
    }
    text_ = cursor_.since(begin_);
    text_.remove_prefix(1);
    text_.remove_suffix(1);
    JsonCursor after = cursor_;
    after.skip(is_json_whitespace);
    return after.at(':') ? Token::name : Token::string;
}

std::string_view JsonReader::value(Token first) {
    const char* const begin = begin_;
    int depth = first == Token::begin_object || first == Token::begin_array;
    while (depth > 0) {
        switch (next()) {
            case Token::begin_object:
            case Token::begin_array: ++depth; break;
            case Token::end_object:
            case Token::end_array: --depth; break;
            case Token::end: depth = 0; break;
            default: break;
        }
    }
    return cursor_.since(begin);
}

std::string_view decode_string(std::string_view quoted) {
    if (quoted.find('\\') == std::string_view::npos) return quoted;
    auto* buffer = static_cast<char*>(palloc(quoted.size()));
    std::size_t length;
    if (unescape_json(quoted, buffer, &length)) return {buffer, length};
    // \u is for PostgreSQL to decode, or to refuse. What it needs meanwhile is many times the text, and an object may have many names.
    MemoryContext const outer = CurrentMemoryContext;
    MemoryContext const context = AllocSetContextCreate(outer, "replicache string", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(context);
    const Datum string = jsonb_by_input_function({quoted.data() - 1, quoted.size() + 2});
    JsonbValue value;
    JsonbExtractScalar(&DatumGetJsonbP(string)->root, &value);
    length = static_cast<std::size_t>(value.val.string.len);
    std::memcpy(buffer, value.val.string.val, length);  // no escape is shorter than what it stands for
    MemoryContextSwitchTo(outer);
    MemoryContextDelete(context);
    return {buffer, length};
}

std::string_view decode_name(std::string_view quoted) {
    if (quoted.find('\\') == std::string_view::npos) return quoted;
    return guarded([quoted] { return decode_string(quoted); });
}

// jsonb_in lexes each character again; here a string is found by its quotes. What it does with the tokens is the same.
Datum jsonb_datum(std::string_view json) {
    JsonReader reader(json);
    JsonReader::Token token = reader.next();
    const bool is_container = token == JsonReader::Token::begin_object || token == JsonReader::Token::begin_array;
    // jsonb_in limits the length of a string.
    if (!is_container || json.size() > JENTRY_OFFLENMASK) return jsonb_by_input_function(json);
    JsonbBuilder builder;
    for (bool named = false; token != JsonReader::Token::end; named = token == JsonReader::Token::name, token = reader.next()) {
        JsonbValue value;
        switch (token) {
            case JsonReader::Token::begin_object: builder.push(WJB_BEGIN_OBJECT, nullptr); continue;
            case JsonReader::Token::end_object: builder.push(WJB_END_OBJECT, nullptr); continue;
            case JsonReader::Token::begin_array: builder.push(WJB_BEGIN_ARRAY, nullptr); continue;
            case JsonReader::Token::end_array: builder.push(WJB_END_ARRAY, nullptr); continue;
            case JsonReader::Token::name:
            case JsonReader::Token::string: {
                std::string_view text = reader.text();
                if (std::memchr(text.data(), '\\', text.size()) != nullptr) {
                    auto* buffer = static_cast<char*>(palloc(text.size()));
                    std::size_t length;
                    if (!unescape_json(text, buffer, &length)) return jsonb_by_input_function(json);
                    text = {buffer, length};
                }
                value = string_value(text);
                break;
            }
            case JsonReader::Token::number:
                value.type = jbvNumeric;
                value.val.numeric = numeric_of(reader.text());
                break;
            case JsonReader::Token::literal_true:
            case JsonReader::Token::literal_false:
                value.type = jbvBool;
                value.val.boolean = token == JsonReader::Token::literal_true;
                break;
            default: value.type = jbvNull;
        }
        builder.push(token == JsonReader::Token::name ? WJB_KEY : named ? WJB_VALUE : WJB_ELEM, &value);
    }
    return JsonbPGetDatum(JsonbValueToJsonb(builder.result()));
}

}  // namespace replicache::pg
