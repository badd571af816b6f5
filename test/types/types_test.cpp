// A module of its own that reads JSON values as those of a column, for test/types/run.
#include "pg/compat.h"
#include "pg/datum.h"
#include "pg/json/column_input.h"

extern "C" {
#include "parser/parse_type.h"
#include "utils/array.h"
}

using namespace replicache::pg;

namespace {

struct Type {
    Oid oid;
    int32 typmod;
};

Type parse_type(const char* name) {
    Type type;
#if PG_VERSION_NUM >= 160000  // it can report errors without raising them
    parseTypeString(name, &type.oid, &type.typmod, nullptr);
#else
    parseTypeString(name, &type.oid, &type.typmod, false);
#endif
    return type;
}

// What the text of an empty array does not show.
void check_element_type(Oid type, Datum datum) {
    const Oid element = get_element_type(getBaseType(type));
    if (OidIsValid(element) && ARR_ELEMTYPE(DatumGetArrayTypeP(datum)) != element) elog(ERROR, "the array has elements of another type");
}

Datum output_of(Oid type, Datum datum) {
    check_element_type(type, datum);
    Oid output;
    bool is_varlena;
    getTypeOutputInfo(type, &output, &is_varlena);
    return PointerGetDatum(cstring_to_text(OidOutputFunctionCall(output, datum)));
}

// What lasts as long as the backend, as in a session with many pushes. Never freed.
ColumnInput* column_of(std::string_view type_name, Oid* oid) {
    struct Known {
        Type type;
        ColumnInput input;
    };
    static std::unordered_map<std::string, Known> columns;
    auto known = columns.find(std::string(type_name));
    if (known == columns.end()) {
        known = columns.emplace(type_name, Known{}).first;
        const char* name = known->first.c_str();
        known->second.type = guarded([name] { return parse_type(name); });
        known->second.input.prepare("v", known->second.type.oid, known->second.type.typmod, TopMemoryContext);
    }
    *oid = known->second.type.oid;
    return &known->second.input;
}

}  // namespace

extern "C" {
PG_MODULE_MAGIC;

// read_column(type text, value json) returns text: what the column "v" of this type would hold, as text.
PG_FUNCTION_INFO_V1(read_column);
Datum read_column(PG_FUNCTION_ARGS) {
    return entry([fcinfo] {
        Oid type;
        ColumnInput* const column = column_of(view_of_text(PG_GETARG_DATUM(0)), &type);
        const std::string_view json = view_of_text(PG_GETARG_DATUM(1));
        bool null;
        const Datum datum = column->read(json, &null);
        fcinfo->isnull = null;
        if (null) return Datum{0};
        return guarded([=] { return output_of(type, datum); });
    });
}
}
