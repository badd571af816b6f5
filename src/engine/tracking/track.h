// Set-up of tracking: which tables are tracked, and how. See tracked_table.h for the registry, trackable.h for what can be tracked,
// triggers.h and change.h for the triggers.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// What track_table was asked for; empty strings where an argument was NULL.
void track_table(TrackedTable table);
// Of one that was dropped behind the event triggers' back, too.
void untrack_table(Oid relation);
// Tracks the table anew, with the options on record.
void retrack(Oid relation);
// The next pull of every client that may see rows of the table is complete again.
void resync(Oid relation);

// The rows of this relation, the table or a part of it, have come without row triggers: their spaces go on above the versions that they
// carry, and the next pulls are complete. Returns how many are in no space. Throws 22003 when a version is too high.
std::int64_t adopt_rows(const TrackedTable& table, Oid relation);

}  // namespace replicache::engine
