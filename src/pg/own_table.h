// The extension's own tables: finds them, and checks that they are as the extension has created them. A superuser can alter them. Then a
// value of another type, or a null, would crash the server when it is read as a text.
#pragma once

#include "pg/error.h"

namespace replicache::pg {

// A hint.
inline constexpr const char* not_to_be_altered = "Undo the change: tables of the extension must not be altered.";

// InvalidOid: there is no relation of this name.
Oid own_relation(const char* name);

// A function of the extension without parameters. Found whether or not the caller has USAGE on the schema.
Oid own_function(const char* name);

// Makes every backend read the registry of this name again. The trigger of the registry does so, too, but not while
// session_replication_role is replica.
void tell_of_change(const char* registry);

// Throws the 55000 for a null where none can be, unless somebody has altered the table.
[[noreturn]] void refuse_null();
// The text of a column that is NOT NULL. Throws 55000 when it is null nevertheless.
std::string required(std::optional<std::string> text);

// The rest is for code that runs guarded. It raises PostgreSQL errors.

Oid find_own_relation(const char* name);
[[noreturn]] void raise_missing(const char* name);
enum class ColumnType {
    text,    // or json
    number,  // as wide as a bigint
    bytes,
    date,
};
// Raises an error unless the column, counted from 1, is of this type.
void check_column(Relation relation, int column, ColumnType type);

}  // namespace replicache::pg
