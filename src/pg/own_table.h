// The extension's own tables: where they are, and that they are what the extension has made. A superuser can alter them, and what
// is then no text, or null, must not be read as if it were: it would crash.
#pragma once

#include "pg/error.h"

namespace replicache::pg {

inline constexpr const char* not_to_be_altered = "The tables of the extension are not to be altered.";

// InvalidOid: there is none of this name.
Oid own_relation(const char* name);

// A function of the extension without parameters. Found whether or not the caller has USAGE on the schema.
Oid own_function(const char* name);

// Makes every backend read the registry of this name again. Its trigger does so, too, but not where session_replication_role is replica.
void tell_of_change(const char* registry);

std::string required(std::optional<std::string> text);

// The rest is for the PostgreSQL side of guarded(): raises errors as PostgreSQL does.

Oid find_own_relation(const char* name);
[[noreturn]] void raise_missing(const char* name);
// Raises an error unless the column, from 1, is a text or, if not is_text, as wide as a bigint.
void check_column(Relation relation, int column, bool is_text);

}  // namespace replicache::pg
