// The version in the bytes of a row. Both functions raise PostgreSQL errors: call them guarded.
#pragma once

#include "prelude.h"

extern "C" {
#include "commands/trigger.h"
}

namespace replicache::engine {

// Whether an UPDATE, whose BEFORE trigger this is, has left the row as it was.
bool is_same_row(const TriggerData& trigger);

// A copy of the row with another version in this column.
HeapTuple with_version(HeapTuple row, TupleDesc descriptor, int column, std::int64_t version);

}  // namespace replicache::engine
