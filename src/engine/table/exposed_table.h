// The registry of exposed tables (replicache.exposed_table): which tables clients may write row by row, and how.
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

// A row of the registry. Columns go by name, so that the registry survives dump and restore.
struct ExposedTable {
    struct Column {
        std::string client;  // what clients call it
        std::string name;
    };
    Oid relation = InvalidOid;
    std::string name;
    bool may_insert = false;
    bool may_update = false;
    bool may_delete = false;
    // Null: all. A column may have several names; of those, the first is the one that answers have: its own, or else the first in the order
    // of jsonb, which puts shorter ones first.
    std::optional<std::vector<Column>> columns{};
    std::string conflict;         // name of the policy (engine/rows/conflict_policy.h)
    std::string conflict_column;  // empty: none
    bool replace = false;         // an upsert nulls the columns that it leaves out
};

bool is_exposed(Oid relation);
// Throws 55000 when the column cannot be the version column of the table, because clients write it.
void check_version_is_free(Oid relation, const std::string& column);
// The command, in SQL, after which clients may choose the values of an identity column, whose name is quoted.
std::string set_by_default(Oid relation, const std::string& column);
// Forgets those of these tables that are exposed: they were dropped. Needs an open SPI connection.
void hide_tables(const std::vector<Oid>& relations);

// Until the end of the transaction, nobody else gives a table or a mutator queue a name: whoever checks that one is free relies on it.
// Needs an open SPI connection.
void lock_table_names();

// The table that clients call so; nullopt: none.
std::optional<ExposedTable> exposed_table(const std::string& name);

}  // namespace replicache::engine
