// A column of an exposed table, as seen by the code that writes its rows.
#pragma once

#include "pg/json/column_input.h"

namespace replicache::engine {

// Whether a base type is one of numbers.
inline bool is_number(Oid type) {
    switch (type) {
        case INT2OID:
        case INT4OID:
        case INT8OID:
        case NUMERICOID:
        case FLOAT4OID:
        case FLOAT8OID: return true;
        default: return false;
    }
}

struct RowColumn {
    std::string client;                  // what clients call it
    std::vector<std::string> aliases{};  // their other names for it
    std::string name;                    // quoted for SQL
    AttrNumber number;
    Oid type;
    std::int32_t typmod;
    Oid collation;
    bool writable;         // by clients
    bool always_assigned;  // only the server has a value for it
    bool assigned;         // the server has a value for it when the client gives none
    bool safe_input;       // reading a value of it sees no table
    pg::ColumnInput input{};

    bool is_key = false;
    bool is_owner = false;     // holds the user whom the row belongs to
    bool is_conflict = false;  // the conflict column
    bool is_judged = false;    // its old value counts: the conflict column, or every column when there is none
    bool marks_deleted = false;
    bool is_number = false;

    // Operators of its type, for SQL. Empty: the type has none, or the conflict policy needs none.
    std::string equals{};
    std::string less{};
};

}  // namespace replicache::engine
