// DDL on tracked tables. A dropped table is untracked. A partition brings its rows when it is attached, and takes them when it is detached.
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
