#include "pg/json/scalar_text.h"

#include "base/uuid_text.h"

extern "C" {
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/uuid.h"
}

namespace replicache::pg {

std::optional<ScalarText> ScalarText::of(Oid type) {
    ScalarText result;
    result.type_ = guarded([type] { return getBaseType(type); });
    result.kind_ = Kind::output;
    switch (result.type_) {
        case TEXTOID:
        case VARCHAROID:
        case BPCHAROID: result.kind_ = Kind::text; return result;
        case INT2OID: result.kind_ = Kind::int2; return result;
        case INT4OID: result.kind_ = Kind::int4; return result;
        case INT8OID: result.kind_ = Kind::int8; return result;
        case UUIDOID: result.kind_ = Kind::uuid; return result;
        case DATEOID:
        case TIMESTAMPOID:
        case TIMESTAMPTZOID: result.kind_ = Kind::datetime; return result;
        // The output functions of these types are marked immutable, but depend on extra_float_digits or bytea_output.
        case FLOAT4OID:
        case FLOAT8OID:
        case POINTOID:
        case LSEGOID:
        case PATHOID:
        case BOXOID:
        case POLYGONOID:
        case LINEOID:
        case CIRCLEOID:
        case BYTEAOID: return std::nullopt;
        default: break;
    }
    const bool stable = guarded([&result] {
        const char category = get_typtype(result.type_);
        Oid output;
        bool is_varlena;
        getTypeOutputInfo(result.type_, &output, &is_varlena);
        fmgr_info_cxt(output, &result.output_, TopMemoryContext);
        // enum_out is marked stable only because ALTER TYPE … RENAME VALUE changes its result.
        return category == TYPTYPE_ENUM || (category == TYPTYPE_BASE && func_volatile(output) == PROVOLATILE_IMMUTABLE);
    });
    if (!stable) return std::nullopt;
    return result;
}

std::string_view ScalarText::operator()(Datum datum) const {
    switch (kind_) {
        case Kind::text: {
            const text* t = DatumGetTextPP(datum);
            return {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
        }
        case Kind::int2:
        case Kind::int4:
        case Kind::int8: {
            const int64 number = kind_ == Kind::int2   ? DatumGetInt16(datum)
                                 : kind_ == Kind::int4 ? DatumGetInt32(datum)
                                                       : DatumGetInt64(datum);
            char* buffer = static_cast<char*>(palloc(MAXINT8LEN + 1));
            return {buffer, static_cast<std::size_t>(pg_lltoa(number, buffer))};
        }
        case Kind::uuid: {
            char* buffer = static_cast<char*>(palloc(uuid_length));
            write_uuid(reinterpret_cast<const char*>(DatumGetUUIDP(datum)->data), buffer);
            return {buffer, uuid_length};
        }
        case Kind::datetime: {
            char* buffer = static_cast<char*>(palloc(MAXDATELEN + 1));
            const int utc = 0;
            return JsonEncodeDateTime(buffer, datum, type_, &utc);
        }
        case Kind::output: break;
    }
    return OutputFunctionCall(&output_, datum);
}

}  // namespace replicache::pg
