// Set-up of tracking: which tables are tracked, and how. See engine/table/tracked_table.h for the registry, trackable.h for the checks,
// triggers.h and change.h for the triggers.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// `table` holds the arguments of the SQL function. An empty string stands for NULL.
void track_table(TrackedTable table);
// Also works for a table that was dropped while event triggers were disabled.
void untrack_table(Oid relation);
// Tracks the table again, with the options in the registry.
void retrack(Oid relation);
// Makes the next pull complete for every client that may see rows of the table, or only for the clients of one space.
void resync(Oid relation, const std::optional<std::string>& space);

}  // namespace replicache::engine
