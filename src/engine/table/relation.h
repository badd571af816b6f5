// Questions that set-up asks about a table.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// The name without the schema, for messages. Empty: the relation does not exist any more.
std::string name_of(Oid relation);

// Throws 42P01 when there is no such relation, 42501 when the calling role does not own it.
void check_owner(Oid relation);

// Locks the table until the end of the transaction. Throws what check_owner throws, also when the table was dropped, or given to another
// role, while we waited for the lock.
void lock_owned(Oid relation, LOCKMODE lock);

bool is_catalog(Oid relation);

// The columns that identify a row: those of the primary key, or the named ones when there is no primary key.
std::vector<AttrNumber> identifying_columns(Relation relation, const std::vector<std::string>& otherwise);

}  // namespace replicache::engine
