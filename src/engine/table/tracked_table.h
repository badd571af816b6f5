// The registry of tracked tables (replicache.tracked_table).
#pragma once

#include "pg/datum.h"

namespace replicache::engine {

// A row of the registry. Columns go by name, so that the registry survives dump and restore.
struct TrackedTable {
    Oid relation;
    std::string key;                     // template
    std::string value;                   // SQL expression; empty: the default
    std::string space;                   // column or template, see space_name.h; empty: none
    std::string deleted;                 // column; empty: none
    std::string version;                 // column
    std::vector<std::string> columns{};  // of the default value, in this order; empty: all
};

// The rows of a table in a FROM clause, or as what an UPDATE or DELETE is of: partitions included and children excluded, as t.
std::string rows_of(Oid relation);
// The FROM clause of a query on its rows.
std::string from_clause(const TrackedTable& table);

// The tracked tables, as committed now or changed by this transaction.
std::vector<TrackedTable> tracked_tables();
std::optional<TrackedTable> tracked_table(Oid relation);
// The tracked table that the table is, or is a part of.
std::optional<TrackedTable> tracked_table_of(Oid relation);

// SQL, as a subquery with the column relid: the partitions of a table at every level, for a statement that has its OID by this name. Read
// from the catalog, and not by pg_partition_tree: that looks at a later state than the rest of the statement does, and locks partitions.
// Whoever holds one of them for long would hold up whoever has locked the table; and who drops one locks the table first.
std::string partitions_of(const std::string& oid);

// Whether the registry knows names and partitions: not before ALTER EXTENSION … UPDATE from 0.2.0, and then what they are for is not to be
// had.
bool knows_names();

// Puts the table on record, under the name that it has now, in place of what is there.
void store(const TrackedTable& table);
// Takes note of the partitions that the table has now: when one is dropped, nothing else tells that it was one. Needs an open SPI
// connection, as the others.
void note_partitions(Oid relation);
// The same, and the name, of tables that have come with a dump of an older version, which knows neither.
void note_restored();
// Throws 40001 when the transaction does not see that it is tracked.
void forget(Oid relation);

}  // namespace replicache::engine
