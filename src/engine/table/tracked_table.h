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
    bool is_private = false;             // which rows a client may see depends on its user
    std::string filter{};                // SQL expression: clients have only rows for which it is true; empty: none
    std::string part{};                  // column; empty: the table has no parts
    std::string parts{};                 // query for the parts that a user may see; empty: the table has no parts
};

// Whether users see different rows of the table. Then the cookie of a client says which keys or parts it has. Such a table is no resource
// of lastMutationAt, whose clients have no such cookie.
inline bool depends_on_user(const TrackedTable& table) { return table.is_private || !table.part.empty(); }

// The table as t, for a FROM clause, an UPDATE or a DELETE. Partitions are included, children are not.
std::string rows_of(Oid relation);
// A FROM clause with rows_of the table.
std::string from_clause(const TrackedTable& table);

// The tracked tables, as committed now or changed by this transaction.
std::vector<TrackedTable> tracked_tables();
std::optional<TrackedTable> tracked_table(Oid relation);
// The tracked table that `relation` is, or is a partition of.
std::optional<TrackedTable> tracked_table_of(Oid relation);

// SQL of a subquery with the column relid: the partitions of a table at every level. `oid` is how the statement names the table's OID.
// The subquery reads the catalog. It does not use pg_partition_tree, for two reasons. That function sees a later state than the rest of
// the statement, and it locks the partitions. Somebody who holds a lock on a partition for long would then block the sessions that have
// locked the table. The locks are not needed either, because dropping a partition locks the table first.
std::string partitions_of(const std::string& oid);

// What the registry can hold. Before ALTER EXTENSION … UPDATE, the SQL objects are older than the library.
enum class Registry {
    options,  // 0.2.0
    names,    // 0.3.0: also the columns of the default value, and the names and partitions of tables
    views,    // 0.4.0: also private tables and parts
};
Registry registry_form();
// Whether the registry has the names and partitions of tables. What depends on them does not work otherwise.
inline bool knows_names() { return registry_form() >= Registry::names; }

// Stores the table in the registry, with its current name. Replaces an older entry. Throws 55000 when the registry is too old for the
// options. This function and the next ones, except note_restored, need an open SPI connection.
void store(const TrackedTable& table);
// Stores the current partitions of the table. When a partition is dropped, only the registry can tell that it was one.
void note_partitions(Oid relation);
// Stores names and partitions of tables that were restored from a dump of an older version, which has neither.
void note_restored();
// Throws 40001 when the transaction does not see that it is tracked.
void forget(Oid relation);
// Changes nothing. But who sees this transaction looks at the table anew, and at the functions that are called for it.
void touch(Oid relation);

}  // namespace replicache::engine
