// ALTER TABLE of columns that tracking uses. Tracking follows a new type of a column. A WARNING tells at once when the table cannot be read
// any more.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// Before the command. PostgreSQL refuses to change the type of a column that a trigger compares. So our comparing trigger is dropped, and
// created again after the command. Keys and spaces may get another text, so the next pulls are complete.
void before_columns_change(const AlterTableStmt* statement);
// After the command, which may be of any kind. Throws when the new type does not fit a key or space column. Raises only a WARNING when
// clients cannot pull any more, because a new value expression may follow in the same transaction.
void after_columns_changed(const Node* command);

}  // namespace replicache::engine
