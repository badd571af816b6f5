#include "pg/json/type_input.h"

#include "base/text.h"
#include "pg/datum.h"
#include "pg/json/base64.h"
#include "pg/json/integer_text.h"

extern "C" {
#include "utils/json.h"
#include "utils/jsonb.h"
}

namespace replicache::pg {
namespace {

using Token = JsonReader::Token;
using Kind = TypeInput::Kind;

char* c_string(std::string_view text) { return pnstrdup(text.data(), text.size()); }

Kind kind_of(Oid base, int32 typmod) {
    switch (base) {
        case BOOLOID: return Kind::boolean;
        case INT2OID:
        case INT4OID:
        case INT8OID: return Kind::integer;
        case TEXTOID: return Kind::text;
        case VARCHAROID: return typmod < 0 ? Kind::text : Kind::other;
        case JSONOID:
        case JSONBOID: return Kind::json;
        case BYTEAOID: return Kind::bytea;
        case DATEOID:
        case TIMEOID:
        case TIMETZOID:
        case TIMESTAMPOID:
        case TIMESTAMPTZOID:
        case INTERVALOID: return Kind::datetime;
        default: break;
    }
    switch (get_typtype(base)) {
        case TYPTYPE_COMPOSITE: return Kind::composite;
        case TYPTYPE_RANGE:
        case TYPTYPE_MULTIRANGE: return Kind::range;
        default: break;
    }
    // int2vector and oidvector have elements, too, but their text is not that of an array.
    const Oid element = get_element_type(base);
    return OidIsValid(element) && get_array_type(element) == base ? Kind::array : Kind::other;
}

// Raises an error in the words of the type's input function.
[[noreturn]] void refuse(const TypeInput* type, int sqlstate, std::string_view text, const char* hint) {
    ereport(ERROR, (errcode(sqlstate), errmsg("invalid input syntax for type %s: \"%s\"", format_type_be(type->base), c_string(text)),
                    hint != nullptr ? errhint("%s", hint) : 0));
    pg_unreachable();
}

Datum read_boolean(TypeInput* type, Token token, std::string_view text) {
    if (token == Token::literal_true || token == Token::literal_false) return BoolGetDatum(token == Token::literal_true);
    std::int64_t number;
    if (read_integer(text, &number) == IntegerText::valid && (number == 0 || number == 1)) return BoolGetDatum(number == 1);
    return input_text(type, text);
}

Datum read_integer_of_size(TypeInput* type, Token token, std::string_view text) {
    std::int64_t number = token == Token::literal_true;
    if (token != Token::literal_true && token != Token::literal_false) {
        switch (read_integer(text, &number)) {
            case IntegerText::no_number: return input_text(type, text);
            case IntegerText::fraction: refuse(type, ERRCODE_INVALID_TEXT_REPRESENTATION, text, nullptr);
            case IntegerText::valid:
                if (type->base == INT8OID || (type->base == INT4OID && number == static_cast<int32>(number)) ||
                    number == static_cast<int16>(number))
                    break;
                [[fallthrough]];
            case IntegerText::out_of_range:
                ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                                errmsg("value \"%s\" is out of range for type %s", c_string(text), format_type_be(type->base))));
        }
    }
    switch (type->base) {
        case INT2OID: return Int16GetDatum(static_cast<int16>(number));
        case INT4OID: return Int32GetDatum(static_cast<int32>(number));
        default: return Int64GetDatum(number);
    }
}

void hint_at_json_text(void*) {
    if (geterrcode() == ERRCODE_INVALID_TEXT_REPRESENTATION)
        errhint("Write JSON in the text. A string of JSON needs quotes inside the text: \"\\\"abc\\\"\".");
}

Datum read_json(TypeInput* type, Token token, std::string_view text) {
    if (token != Token::string) return type->base == JSONOID ? unguarded_text_datum(text) : jsonb_datum(text);
    ErrorContextCallback callback{error_context_stack, hint_at_json_text, nullptr};
    error_context_stack = &callback;
    const Datum result = input_text(type, text);
    error_context_stack = callback.previous;
    return result;
}

Datum read_bytea(TypeInput* type, Token token, std::string_view text) {
    if (token == Token::string) {
        if (text.starts_with("\\x")) return input_text(type, text);
        auto* result = static_cast<bytea*>(palloc(VARHDRSZ + text.size() / 4 * 3 + 3));
        std::size_t length;
        if (decode_base64(text, VARDATA(result), &length)) {
            SET_VARSIZE(result, VARHDRSZ + length);
            return PointerGetDatum(result);
        }
    }
    refuse(type, ERRCODE_INVALID_TEXT_REPRESENTATION, text, "Write base64, or hexadecimal digits after \\x, as text.");
}

// An array literal may begin with its bounds: [0:1]={a,b}.
bool begins_with_bounds(std::string_view text) {
    const std::size_t end = text.find_first_not_of("[0123456789+-: ");
    if (end == std::string_view::npos || text[end] != ']') return false;
    text = trim(text.substr(end + 1), is_space);
    return text.starts_with('=') || text.starts_with('[');
}

// Returns the text if it is valid JSON. Otherwise raises the error.
std::string_view validated(std::string_view json) {
    DirectFunctionCall1(json_in, CStringGetDatum(c_string(json)));
    return json;
}

Datum read_container(TypeInput* type, Token token, std::string_view text) {
    const bool is_array = type->kind == Kind::array;
    if (token == Token::string) {
        const std::string_view trimmed = trim(text, is_space);
        const bool is_json = is_array ? trimmed.starts_with('[') && !begins_with_bounds(trimmed) : trimmed.starts_with('{');
        if (!is_json) return input_text(type, text);
        text = validated(trimmed);
    } else if (token != (is_array ? Token::begin_array : Token::begin_object)) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                        errmsg("type %s takes a JSON %s", format_type_be(type->base), is_array ? "array" : "object")));
    }
    return is_array ? read_array(type, text) : read_composite(type, text);
}

// `text` is the decoded text of a string, or for any other token the JSON as it was written.
Datum read_present(TypeInput* type, Token token, std::string_view text) {
    switch (type->kind) {
        case Kind::boolean: return read_boolean(type, token, text);
        case Kind::integer: return read_integer_of_size(type, token, text);
        case Kind::text: return unguarded_text_datum(text);
        case Kind::json: return read_json(type, token, text);
        case Kind::bytea: return read_bytea(type, token, text);
        case Kind::datetime:
            // The input function would accept some numbers: 20240229 as a date, 5 as five seconds.
            if (token == Token::string) return input_text(type, text);
            refuse(type, ERRCODE_INVALID_DATETIME_FORMAT, text,
                   type->base == INTERVALOID ? "Write text, such as \"1 day 02:00\" or \"P1DT2H\"."
                                             : "Write ISO 8601 text, such as \"2024-02-29T12:34:56Z\".");
        case Kind::range:
            // The input function would accept a JSON array of two numbers as a range.
            if (token == Token::string) return input_text(type, text);
            refuse(type, ERRCODE_INVALID_TEXT_REPRESENTATION, text, "Write the range as text, such as \"[1,5)\".");
        case Kind::array:
        case Kind::composite: return read_container(type, token, text);
        case Kind::other: break;
    }
    return input_text(type, text);
}

}  // namespace

TypeInput* make_type_input(Oid type, int32 typmod, MemoryContext context) {
    check_stack_depth();
    auto* result = static_cast<TypeInput*>(MemoryContextAllocZero(context, sizeof(TypeInput)));
    result->type = type;
    result->typmod = typmod;
    result->base = getBaseTypeAndTypmod(type, &result->typmod);
    result->context = context;
    result->kind = kind_of(result->base, result->typmod);
    Oid input;
    getTypeInputInfo(result->base, &input, &result->input_parameter);
    fmgr_info_cxt(input, &result->input, context);
    if (result->kind == Kind::array) result->element = make_type_input(get_element_type(result->base), result->typmod, context);
    return result;
}

Datum read_value(TypeInput* type, std::string_view json, bool* null) {
    check_stack_depth();
    JsonReader reader(json);
    const Token token = reader.next();
    const std::string_view extent = reader.value(token);
    *null = token == Token::null;
    Datum result = 0;
    if (!*null) result = read_present(type, token, token == Token::string ? decode_string(reader.text()) : extent);
    if (type->type != type->base) domain_check(result, *null, type->type, &type->constraints, type->context);
    return result;
}

Datum input_text(TypeInput* type, std::string_view text) {
    return InputFunctionCall(&type->input, c_string(text), type->input_parameter, type->typmod);
}

}  // namespace replicache::pg
