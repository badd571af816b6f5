// The triggers of tracked tables are created and dropped here. What they do: change.h.
#pragma once

#include "engine/table/key.h"
#include "engine/table/tracked_table.h"

namespace replicache::engine {

// When triggers of ours fired: for the changes of local sessions, or always, which is for those of logical replication, too (ALTER TABLE …
// ENABLE ALWAYS TRIGGER). Those that take their place do the same.
struct Firing {
    struct Trigger {
        Oid relation;
        std::string name;
        char fires;  // TRIGGER_FIRES_ON_ORIGIN or TRIGGER_FIRES_ALWAYS
    };
    std::vector<Trigger> triggers;

    char of(Oid relation, std::string_view name) const;
};

// Needs an open SPI connection, as all of these.
void create_triggers(const TrackedTable& table, const KeyTemplate& key, const Firing& before);
// Every partition gets the TRUNCATE trigger, which PostgreSQL does not clone to partitions.
void add_partition_triggers(const TrackedTable& table, const Firing& before = {});
// Creates or drops the trigger that exposed tables have, as the registries have it.
void provide_creation_trigger(Oid relation);
// The trigger that compares key and space of updated rows. PostgreSQL lets nobody change the type of a column that it looks at.
bool compares(Oid relation, const std::vector<std::string>& columns);
bool lacks_comparison(Oid relation);
void drop_comparison(Oid relation);
void create_comparison(const TrackedTable& table);
// Drops our triggers on the table and its partitions.
Firing drop_triggers(Oid relation);

}  // namespace replicache::engine
