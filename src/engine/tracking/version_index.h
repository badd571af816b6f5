// The index that finds the rows of a space that have changed since a version.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// Its columns, in this order: those of the space, and the version.
std::vector<std::string> version_index(const TrackedTable& table);
// Whether the table has one. It may have more columns, and those of the space may come in another order.
bool has_version_index(const TrackedTable& table);

}  // namespace replicache::engine
