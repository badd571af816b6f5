// The rows of a tracked table, read on the extension's own account: for untrack_table, and for rows that were added without row triggers.
//
// They are read as the table's owner, within a security-restricted operation, and not by SQL. So no view, rule, row-level security
// policy or cast of the owner runs, even when a superuser calls.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// False when the relation, or a part of it, is not a plain table. It may have been turned into a view.
bool has_rows(Oid relation);

// Visits all rows of a table and of its partitions: rows that are committed now, and rows that this transaction has written. The caller
// holds a lock that keeps writers away. `open` is called for each table that can have rows, `row` for each row. Memory that `row` allocates
// in the current memory context is freed after the call.
void for_each_row(Oid relation, const std::function<void(Relation)>& open, const std::function<void(HeapTuple)>& row);

}  // namespace replicache::engine
