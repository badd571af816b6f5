// Checks the SQL of track_table that says which rows a client may have: filter and parts.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// Both functions check the texts before anything else uses them. Call them when the table has its version column.

// Throws unless the filter is a single expression over a row t that gives boolean.
void check_filter(const TrackedTable& table);

// Throws unless the query for the parts is a single SELECT with one column, which compares with the part column.
void check_parts(const TrackedTable& table);

}  // namespace replicache::engine
