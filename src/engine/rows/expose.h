// Set-up of exposed tables: which tables clients may write row by row, and how. See engine/table/exposed_table.h for the registry.
#pragma once

#include "engine/table/exposed_table.h"

namespace replicache::engine {

// The arguments are those of expose_crud. An empty name stands for the name of the table. `columns` is a jsonb object; null stands for all
// columns. Throws when the table cannot be exposed like this.
void expose_table(ExposedTable table, const std::vector<std::string>& operations, pg::Value columns);
void hide_table(Oid relation);

}  // namespace replicache::engine
