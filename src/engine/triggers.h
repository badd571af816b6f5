// The triggers of tracked tables are created and dropped here. What they do: change.h.
#pragma once

#include "engine/key.h"
#include "engine/tracked_table.h"

namespace replicache::engine {

// Needs an open SPI connection, as all of these.
void create_triggers(const TrackedTable& table, const KeyTemplate& key);
// Every partition gets the TRUNCATE trigger, which PostgreSQL does not clone to partitions.
void add_partition_triggers(const TrackedTable& table);
// Creates or drops the trigger that exposed tables have, as the registries have it.
void provide_creation_trigger(Oid relation);
// Drops our triggers on the table and its partitions.
void drop_triggers(Oid relation);

}  // namespace replicache::engine
