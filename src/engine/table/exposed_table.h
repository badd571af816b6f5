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
    // Null: all columns. A column may have several client names. Answers use the first of them: the column's own name, or else the first
    // in the order of jsonb, which puts shorter names first.
    std::optional<std::vector<Column>> columns{};
    std::string conflict;         // name of the policy (engine/rows/conflict_policy.h)
    std::string conflict_column;  // empty: none
    bool replace = false;         // an upsert sets the columns that it leaves out to null
};

// The name by which clients know the table. Nullopt: it is not exposed.
std::optional<std::string> exposed_name(Oid relation);
inline bool is_exposed(Oid relation) { return exposed_name(relation).has_value(); }
// Throws 55000 when the column cannot be the version column of the table, because clients write it.
void check_version_is_free(Oid relation, const std::string& column);
// The command, in SQL, after which clients may choose the values of an identity column, whose name is quoted.
std::string set_by_default(Oid relation, const std::string& column);
// Removes dropped tables from the registry. Some of `relations` may not be exposed. Needs an open SPI connection.
void hide_tables(const std::vector<Oid>& relations);

// Until the end of the transaction, no other transaction can give a name to an exposed table or a mutator queue. So a name that is found
// free stays free. Needs an open SPI connection.
void lock_table_names();

// The table that clients know by this name. Nullopt: none.
std::optional<ExposedTable> exposed_table(const std::string& name);

}  // namespace replicache::engine
