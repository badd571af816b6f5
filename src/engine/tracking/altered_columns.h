// ALTER TABLE of the columns that a tracked table is tracked by: their types follow, and what cannot be read any more is told in time.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// Before the command. It would be refused because a trigger of ours compares the column; so that goes, and comes back after it. Since keys
// and spaces may get another text, the next pulls are complete.
void before_columns_change(const AlterTableStmt* statement);
// After the command, which may be of any kind. Throws when the new type of a key or space column cannot be one. A WARNING when clients
// cannot pull any more: a new value may follow in the same transaction.
void after_columns_changed(const Node* command);

}  // namespace replicache::engine
