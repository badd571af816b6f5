// Set-up of tracking: which tables are tracked, and how. See tracked_table.h for the registry, change.h for the triggers.
#pragma once

#include "engine/tracked_table.h"

namespace replicache::engine {

// What track_table was asked for; empty strings where an argument was NULL.
void track_table(TrackedTable table);
void untrack_table(Oid relation);
// The next pull of every client that may see rows of the table is complete again.
void resync(Oid relation);

// Rows have come to or gone from a tracked table without its row triggers: creates the triggers that partitions need,
// and makes the next pulls complete.
void adopt_rows(const TrackedTable& table);
// Every partition gets the TRUNCATE trigger, which PostgreSQL does not clone to partitions.
void add_partition_triggers(const TrackedTable& table);
// Creates or drops the trigger that exposed tables have, as the registries have it. Needs an open SPI connection.
void provide_creation_trigger(Oid relation);
// Drops our triggers on the table and its partitions.
void drop_triggers(Oid relation);

}  // namespace replicache::engine
