// What set-up asks about the tables that it is given.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// Without its schema, for messages; empty when it is gone.
std::string name_of(Oid relation);

// Throws 42P01 when there is no such relation, 42501 when the calling role does not own it.
void check_owner(Oid relation);

bool is_catalog(Oid relation);

// The columns that tell a row from others: of the primary key, or else these, by name.
std::vector<AttrNumber> identifying_columns(Relation relation, const std::vector<std::string>& otherwise);

}  // namespace replicache::engine
