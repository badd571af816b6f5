// Set-up of tracking: which tables are tracked, and how. See tracked_table.h for the registry, trackable.h for what can be tracked,
// triggers.h and change.h for the triggers.
#pragma once

#include "engine/tracked_table.h"

namespace replicache::engine {

// What track_table was asked for; empty strings where an argument was NULL.
void track_table(TrackedTable table);
void untrack_table(Oid relation);
// The next pull of every client that may see rows of the table is complete again.
void resync(Oid relation);

// Rows have come to or gone from a tracked table without its row triggers: their spaces go on above the versions that they carry,
// and the next pulls are complete.
void adopt_rows(const TrackedTable& table);

}  // namespace replicache::engine
