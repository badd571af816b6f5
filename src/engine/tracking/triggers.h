// Creates and drops the triggers of tracked tables. See change.h for what the triggers do.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// When our triggers of a table fired before they were dropped. They fired for changes of local sessions only, or also for changes of
// logical replication (ALTER TABLE … ENABLE ALWAYS TRIGGER). The triggers that replace them fire in the same way.
struct Firing {
    struct Trigger {
        Oid relation;
        std::string name;
        char fires;  // TRIGGER_FIRES_ON_ORIGIN or TRIGGER_FIRES_ALWAYS
    };
    std::vector<Trigger> triggers;

    char of(Oid relation, std::string_view name) const;
};

// All functions below need an open SPI connection.
void create_triggers(const TrackedTable& table, const Firing& before);
// Creates the TRUNCATE trigger on each partition that has none. PostgreSQL does not clone this trigger to partitions.
void add_partition_triggers(const TrackedTable& table, const Firing& before = {});
// Creates or drops the trigger that logs the creation of rows, depending on whether the registries say that the table needs it. The caller
// has locked the table, so that no other session tracks, untracks, exposes or hides it.
void provide_creation_trigger(Oid relation);
// The trigger that compares key, space and part of updated rows. PostgreSQL refuses to change the type of a column that the trigger
// compares.
bool compares(Oid relation, const std::vector<std::string>& columns);
bool lacks_comparison(Oid relation);
void drop_comparison(Oid relation);
void create_comparison(const TrackedTable& table);
// Drops our triggers on the table and its partitions.
Firing drop_triggers(Oid relation);

}  // namespace replicache::engine
