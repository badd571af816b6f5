#include "pg/json_reader.h"

#include "pg/border.h"
#include "pg/compat.h"

extern "C" {
#include "utils/numeric.h"
}

namespace replicache::pg {
namespace {

constexpr bool is_separator(char c) { return c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
constexpr bool is_number_character(char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'; }

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

// What a string with escapes stands for, in `buffer`, which has room for as many bytes. False for what only PostgreSQL's own lexer
// can tell: \u.
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

void JsonReader::skip_separators() {
    while (position_ != end_ && is_separator(*position_)) ++position_;
}

JsonReader::Token JsonReader::next() {
    skip_separators();
    if (position_ == end_) return Token::end;
    begin_ = position_;
    switch (*position_) {
        case '{': ++position_; return Token::begin_object;
        case '}': ++position_; return Token::end_object;
        case '[': ++position_; return Token::begin_array;
        case ']': ++position_; return Token::end_array;
        case '"': return read_string();
        case 't':
        case 'f':
        case 'n': {
            const char first = *position_;
            while (position_ != end_ && *position_ >= 'a' && *position_ <= 'z') ++position_;
            return first == 't' ? Token::literal_true : first == 'f' ? Token::literal_false : Token::null;
        }
        default:
            while (position_ != end_ && is_number_character(*position_)) ++position_;
            text_ = {begin_, static_cast<std::size_t>(position_ - begin_)};
            return position_ == begin_ ? Token::end : Token::number;
    }
}

JsonReader::Token JsonReader::read_string() {
    const char* const inner = ++position_;
    const char* quote;
    bool escaped = true;
    do {
        quote = static_cast<const char*>(std::memchr(position_, '"', static_cast<std::size_t>(end_ - position_)));
        if (quote == nullptr) {
            position_ = end_;
            return Token::end;
        }
        // By an odd number of backslashes.
        const char* escape = quote;
        while (escape[-1] == '\\') --escape;
        escaped = (quote - escape) % 2 != 0;
        position_ = quote + 1;
    } while (escaped);
    text_ = {inner, static_cast<std::size_t>(quote - inner)};
    const char* after = position_;
    while (after != end_ && *after != ':' && is_separator(*after) && *after != ',') ++after;
    return after != end_ && *after == ':' ? Token::name : Token::string;
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
    return {begin, static_cast<std::size_t>(position_ - begin)};
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
