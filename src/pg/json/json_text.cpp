#include "pg/json/json_text.h"

#include "base/uuid_text.h"

extern "C" {
#include "access/transam.h"
#include "nodes/makefuncs.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/uuid.h"
}

namespace replicache::pg {
namespace {

constexpr bool needs_escape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

void append_escaped(StringInfo out, unsigned char c) {
    switch (c) {
        case '\b': appendStringInfoString(out, "\\b"); break;
        case '\f': appendStringInfoString(out, "\\f"); break;
        case '\n': appendStringInfoString(out, "\\n"); break;
        case '\r': appendStringInfoString(out, "\\r"); break;
        case '\t': appendStringInfoString(out, "\\t"); break;
        case '"': appendStringInfoString(out, "\\\""); break;
        case '\\': appendStringInfoString(out, "\\\\"); break;
        default: appendStringInfo(out, "\\u%04x", c);
    }
}

// to_json(anyelement) learns the type of its argument from the call expression.
void prepare_to_json(FmgrInfo* call, Oid type, MemoryContext context) {
    fmgr_info_cxt(F_TO_JSON, call, context);
    const MemoryContext outer = MemoryContextSwitchTo(context);
    Const* argument = makeNullConst(type, -1, InvalidOid);
    call->fn_expr =
        reinterpret_cast<Node*>(makeFuncExpr(F_TO_JSON, JSONOID, list_make1(argument), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
    MemoryContextSwitchTo(outer);
}

// JSON has no NaN and no infinities. They are written as strings, as datum_to_json in json.c does.
bool is_json_number(const char* text) {
    if (*text == '-') ++text;
    return *text >= '0' && *text <= '9';
}

}  // namespace

void append_json_string(StringInfo out, std::string_view text) {
    appendStringInfoCharMacro(out, '"');
    const char* const end = text.data() + text.size();
    const char* begin = text.data();
    for (const char* p = begin; p != end; ++p) {
        if (!needs_escape(static_cast<unsigned char>(*p))) continue;
        appendBinaryStringInfo(out, begin, static_cast<int>(p - begin));
        append_escaped(out, static_cast<unsigned char>(*p));
        begin = p + 1;
    }
    appendBinaryStringInfo(out, begin, static_cast<int>(end - begin));
    appendStringInfoCharMacro(out, '"');
}

std::string json_string(std::string_view text) {
    return std::string(guarded([text] {
        StringInfoData json;
        initStringInfo(&json);
        append_json_string(&json, text);
        return std::string_view(json.data, json.len);
    }));
}

void JsonWriter::prepare(Oid type, MemoryContext context) {
    type_ = getBaseType(type);
    switch (type_) {
        case BOOLOID: kind_ = Kind::boolean; return;
        case INT2OID:
        case INT4OID:
        case INT8OID: kind_ = Kind::integer; return;
        case UUIDOID: kind_ = Kind::uuid; return;
        case DATEOID:
        case TIMESTAMPOID:
        case TIMESTAMPTZOID: kind_ = Kind::datetime; return;
        case JSONOID: kind_ = Kind::json; return;
        case TEXTOID:
        case VARCHAROID:
        case BPCHAROID: kind_ = Kind::text; return;
        case FLOAT4OID:
        case FLOAT8OID:
        case NUMERICOID:
        case JSONBOID: kind_ = type_ == JSONBOID ? Kind::json : Kind::number; break;
        default:
            // Arrays, composites and types with a cast to json are left to to_json.
            if (type_ >= FirstNormalObjectId || type_ == RECORDOID || type_ == RECORDARRAYOID || type_is_array(type_) ||
                type_is_rowtype(type_)) {
                kind_ = Kind::to_json;
                prepare_to_json(&call_, type, context);
                return;
            }
            kind_ = Kind::quoted_output;
    }
    Oid output;
    bool is_varlena;
    getTypeOutputInfo(type_, &output, &is_varlena);
    fmgr_info_cxt(output, &call_, context);
}

void JsonWriter::append(StringInfo out, Datum datum, bool null) {
    if (null) {
        appendBinaryStringInfo(out, "null", 4);
        return;
    }
    switch (kind_) {
        case Kind::boolean: appendStringInfoString(out, DatumGetBool(datum) ? "true" : "false"); return;
        case Kind::integer: {
            const int64 number = type_ == INT2OID ? DatumGetInt16(datum) : type_ == INT4OID ? DatumGetInt32(datum) : DatumGetInt64(datum);
            char buffer[MAXINT8LEN + 1];
            appendBinaryStringInfo(out, buffer, pg_lltoa(number, buffer));
            return;
        }
        case Kind::number: {
            const char* text = OutputFunctionCall(&call_, datum);
            if (is_json_number(text))
                appendStringInfoString(out, text);
            else
                append_json_string(out, text);
            return;
        }
        case Kind::uuid: {
            char buffer[uuid_length];
            write_uuid(reinterpret_cast<const char*>(DatumGetUUIDP(datum)->data), buffer);
            appendStringInfoCharMacro(out, '"');
            appendBinaryStringInfo(out, buffer, uuid_length);
            appendStringInfoCharMacro(out, '"');
            return;
        }
        case Kind::datetime: {
            char buffer[MAXDATELEN + 1];
            JsonEncodeDateTime(buffer, datum, type_, nullptr);
            appendStringInfoCharMacro(out, '"');
            appendStringInfoString(out, buffer);
            appendStringInfoCharMacro(out, '"');
            return;
        }
        case Kind::json:
            if (type_ == JSONOID) {
                const text* t = DatumGetTextPP(datum);
                appendBinaryStringInfo(out, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
            } else {
                appendStringInfoString(out, OutputFunctionCall(&call_, datum));
            }
            return;
        case Kind::text: {
            const text* t = DatumGetTextPP(datum);
            append_json_string(out, {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)});
            return;
        }
        case Kind::quoted_output: append_json_string(out, OutputFunctionCall(&call_, datum)); return;
        case Kind::to_json: {
            const text* t = DatumGetTextPP(FunctionCall1(&call_, datum));
            appendBinaryStringInfo(out, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
            return;
        }
    }
}

}  // namespace replicache::pg
