// The value expression of track_table, checked.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// Once the table has its version column: throws unless the value expression is one expression that gives json or jsonb.
void check_value(const TrackedTable& table);

}  // namespace replicache::engine
