// Bodies of requests, parsed by the protocols.
#pragma once

#include "pg/border.h"
#include "protocol/malformed.h"

namespace replicache::api {

// Requests are UTF-8, as JSON is.
inline void check_encoding() {
    const int encoding = GetDatabaseEncoding();
    if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII)
        throw pg::SqlError(ERRCODE_FEATURE_NOT_SUPPORTED,
                           std::string("database encoding ") + GetDatabaseEncodingName() + " is not supported", {},
                           "Use a database with encoding UTF8.");
}

template <class Parse>
auto parse_request(Parse parse, std::string_view text) {
    check_encoding();
    try {
        return parse(text);
    } catch (const protocol::MalformedRequest& error) {
        throw pg::SqlError(ERRCODE_INVALID_PARAMETER_VALUE, error.what(), "The request is malformed; nothing was processed.",
                           "Pass the body of the request as it came over HTTP.");
    }
}

}  // namespace replicache::api
