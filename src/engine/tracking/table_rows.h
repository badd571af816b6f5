// The rows of a tracked table, read on the extension's own account: for untrack_table, and for rows that come without triggers.
//
// They are read as the table's owner, within a security-restricted operation, and not by SQL. So no view, rule, row-level security
// policy or cast of the owner has a say, even when a superuser calls.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// False when the relation, or a part of it, is not a plain table: somebody has made a view of it, say.
bool has_rows(Oid relation);

// Visits all rows of a table, of its partitions too, as committed now or written by this transaction. The caller holds a lock that keeps
// writers away. `open` is called for each table that has rows, `row` for each row; what that allocates in the current memory context, is
// freed after it.
void for_each_row(Oid relation, const std::function<void(Relation)>& open, const std::function<void(HeapTuple)>& row);

}  // namespace replicache::engine
