// What DDL does to tracked tables: a dropped table is untracked, and partitions that come and go bring or take rows.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// At the event sql_drop.
void on_drop();
// At the event ddl_command_start of ALTER TABLE.
void before_alter(Node* command);
// At the event ddl_command_end of CREATE TABLE and ALTER TABLE.
void on_alter(Node* command);

}  // namespace replicache::engine
