// What track_table and untrack_table do with all rows of a table.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// Leaves a tombstone for every row, so that clients drop its entry. Soft-deleted rows get one, too: some clients may still have them.
void bury_rows(const TrackedTable& table);

// Takes over rows that were added without row triggers. `relation` is the table or a part of it. The spaces of the rows continue above the
// versions that the rows carry, and the next pulls are complete. Returns the number of rows without a space. Throws 22003 when a version is
// too high.
std::int64_t adopt_rows(const TrackedTable& table, Oid relation);

}  // namespace replicache::engine
