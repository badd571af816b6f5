// Arguments of SQL functions, checked.
#pragma once

#include "pg/datum.h"

namespace replicache::api {

// Argument n must not be NULL.
inline void require(FunctionCallInfo fcinfo, int n, const char* name) {
    if (PG_ARGISNULL(n)) throw pg::SqlError(ERRCODE_NULL_VALUE_NOT_ALLOWED, std::string(name) + " must not be null");
}

inline std::string_view required_text(FunctionCallInfo fcinfo, int n, const char* name) {
    require(fcinfo, n, name);
    return *pg::text_argument(fcinfo, n);
}

inline std::optional<std::string> optional_text(FunctionCallInfo fcinfo, int n) {
    const auto text = pg::text_argument(fcinfo, n);
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

inline Oid required_oid(FunctionCallInfo fcinfo, int n, const char* name) {
    require(fcinfo, n, name);
    return PG_GETARG_OID(n);
}

// A name argument; empty when NULL.
inline std::string name_or_empty(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? std::string() : std::string(NameStr(*PG_GETARG_NAME(n)));
}

}  // namespace replicache::api
