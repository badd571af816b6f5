// What track_table accepts: its arguments, checked against the table's definition.
#pragma once

#include "engine/table/key.h"
#include "engine/table/tracked_table.h"

namespace replicache::engine {

struct TableColumn {
    std::string name;
    Oid type;
    Oid collation;
    bool not_null;
    char generated;  // as in pg_attribute; '\0': not generated
};

// Whether a column of this base type can name spaces or parts: its values have a fixed text.
bool can_name(Oid type);

// All functions here read the table's definition as it is committed now, with the changes of this transaction.
std::vector<TableColumn> columns_of(Oid relation);
const TableColumn* find_column(const std::vector<TableColumn>& columns, const std::string& name);

// The columns of key, space and part. If an UPDATE changes one of them, clients must drop the old entry.
std::vector<std::string> naming_columns(const TrackedTable& table);

// Throws 42809 unless the relation is of a kind that can be tracked.
void check_trackable_kind(Oid relation);

// Throws unless the table can be tracked with these options. Returns the template of its keys: the given one, or the default.
KeyTemplate check_trackable(const TrackedTable& table, const std::vector<TableColumn>& columns);

// Whether some unique index consists of these columns, or of a part of them. Deferrable ones count at commit only.
enum class Unique { at_commit, at_any_time };
bool identifies_rows(Oid relation, const std::vector<std::string>& columns, Unique when = Unique::at_commit);

}  // namespace replicache::engine
