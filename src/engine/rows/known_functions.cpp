#include "engine/rows/known_functions.h"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "utils/fmgroids.h"
}

#ifndef F_RANDOM
#define F_RANDOM F_RANDOM_  // 17 has several
#endif

namespace replicache::engine {
namespace {

// Of the functions that come with PostgreSQL, some run SQL that they are given, or change what names stand for. Others make values of types
// that are known only when they run, and a domain among these has a CHECK. A volatile one could do anything, unless it is known.
bool is_safe_builtin(const FormData_pg_proc& function) {
    switch (function.oid) {
        case F_TABLE_TO_XML:
        case F_TABLE_TO_XMLSCHEMA:
        case F_TABLE_TO_XML_AND_XMLSCHEMA:
        case F_SCHEMA_TO_XML:
        case F_SCHEMA_TO_XMLSCHEMA:
        case F_SCHEMA_TO_XML_AND_XMLSCHEMA:
        case F_DATABASE_TO_XML:
        case F_DATABASE_TO_XMLSCHEMA:
        case F_DATABASE_TO_XML_AND_XMLSCHEMA:
        case F_JSON_POPULATE_RECORD:
        case F_JSON_POPULATE_RECORDSET:
        case F_JSON_TO_RECORD:
        case F_JSON_TO_RECORDSET:
        case F_JSONB_POPULATE_RECORD:
        case F_JSONB_POPULATE_RECORDSET:
        case F_JSONB_TO_RECORD:
        case F_JSONB_TO_RECORDSET:
#ifdef F_PG_INPUT_IS_VALID
        case F_PG_INPUT_IS_VALID:
        case F_PG_INPUT_ERROR_INFO:
#endif
#ifdef F_JSONB_POPULATE_RECORD_VALID
        case F_JSONB_POPULATE_RECORD_VALID:
#endif
        case F_DOMAIN_IN:
        case F_DOMAIN_RECV:
        case F_RECORD_IN:
        case F_RECORD_RECV:
        case F_ARRAY_IN:
        case F_ARRAY_RECV:
        case F_RANGE_IN:
        case F_RANGE_RECV:
        case F_MULTIRANGE_IN:
        case F_MULTIRANGE_RECV: return false;
        case F_CLOCK_TIMESTAMP:
        case F_TIMEOFDAY:
        case F_RANDOM:
        case F_GEN_RANDOM_UUID:
#ifdef F_UUIDV7_
        case F_UUIDV4:
        case F_UUIDV7_:
        case F_UUIDV7_INTERVAL:
#endif
        case F_NEXTVAL:
        case F_CURRVAL:
        case F_LASTVAL:
        case F_PG_NOTIFY: return true;
        default: return function.oid < FirstNormalObjectId && function.provolatile != PROVOLATILE_VOLATILE;
    }
}

// Functions in C see no table of a user, unless they run SQL that they are given.
bool takes_plain_values(const FormData_pg_proc& function) {
    for (int i = 0; i < function.pronargs; ++i) {
        switch (function.proargtypes.values[i]) {
            case BOOLOID:
            case INT4OID:
            case INT8OID:
            case UUIDOID:
            case TIMESTAMPTZOID: break;
            default: return false;
        }
    }
    return !function.proretset;
}

bool is_safe_in_c(const FormData_pg_proc& function) {
    if (function.pronamespace != get_namespace_oid("replicache", false)) return takes_plain_values(function);
    return function.provolatile == PROVOLATILE_STABLE && function.pronargs == 0 && !function.proretset &&
           std::strcmp(NameStr(function.proname), "current_mutation_id") != 0;
}

}  // namespace

// Immutable functions are declared to read no table. PostgreSQL relies on that, too. An aggregate is marked as immutable even if the
// functions that it calls are not.
bool reads_no_table(const FormData_pg_proc& function) {
    if (function.prokind == PROKIND_AGGREGATE) return function.oid < FirstNormalObjectId;
    if (function.provolatile == PROVOLATILE_IMMUTABLE) return true;
    switch (function.prolang) {
        case INTERNALlanguageId: return is_safe_builtin(function);
        case ClanguageId: return is_safe_in_c(function);
        default: return false;
    }
}

}  // namespace replicache::engine
