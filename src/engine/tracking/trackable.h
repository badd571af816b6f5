// What track_table accepts: its arguments, checked against the table's definition.
#pragma once

#include "engine/table/key.h"
#include "engine/table/tracked_table.h"

namespace replicache::engine {

struct TableColumn {
    std::string name;
    Oid type;
    bool not_null;
    char generated;  // '\0': it is not; else as in pg_attribute
};

// As committed now or changed by this transaction, like all that is told here of the table's definition.
std::vector<TableColumn> columns_of(Oid relation);
const TableColumn* find_column(const std::vector<TableColumn>& columns, const std::string& name);

// Throws 42809 unless it is a relation that can be tracked at all.
void check_trackable_kind(Oid relation);

// Throws unless the table can be tracked like this. The template of its keys, which is the given one, or says what the default is.
KeyTemplate check_trackable(const TrackedTable& table, const std::vector<TableColumn>& columns);

// Whether a unique index tells rows of the table apart by these columns.
bool identifies_rows(Oid relation, const std::vector<std::string>& columns);

}  // namespace replicache::engine
