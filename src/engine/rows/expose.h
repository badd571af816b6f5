// Set-up of exposed tables: which tables clients may write row by row, and how. See exposed_table.h for the registry.
#pragma once

#include "engine/table/exposed_table.h"

namespace replicache::engine {

// As expose_crud was asked. An empty name stands for that of the table; `columns` is a jsonb object, or null for all. Throws when
// the table cannot be exposed like that.
void expose_table(ExposedTable table, const std::vector<std::string>& operations, pg::Value columns);
void hide_table(Oid relation);

}  // namespace replicache::engine
