// The work of the triggers on a tracked table: they stamp changed rows with a version, and note keys that were removed or added.
#pragma once

#include "engine/space/space.h"

extern "C" {
#include "commands/trigger.h"
}

namespace replicache::engine {

// The triggers that track_table creates. They fire last among their kind (names sort by bytes, `~` after all letters), so
// that they see the row as it will be.
namespace trigger_name {
constexpr const char* lock = "~replicache_lock";        // before the statement: takes the space before any row
constexpr const char* stamp = "~replicache_stamp";      // before the row
constexpr const char* moved = "~replicache_moved";      // after an UPDATE that changed key, space or part
constexpr const char* deleted = "~replicache_deleted";  // after a DELETE
constexpr const char* created = "~replicache_created";  // after an INSERT, of exposed tables with a space column
constexpr const char* truncated = "~replicache_truncated";
}  // namespace trigger_name

bool has_trigger(const TriggerDesc* triggers, std::string_view name);

// The body of the trigger function. Which columns of the table it looks at, the registry says. A table that the registry does not
// know is an error, unless the registry is empty: see known_table.
HeapTuple on_change(const TriggerData& trigger);

// All spaces that may hold rows of a table: the space '' for one without a space column, else every known space.
void raise_floors(bool has_space_column);

}  // namespace replicache::engine
