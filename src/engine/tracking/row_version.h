// The version in the bytes of a row. Both functions raise PostgreSQL errors: call them guarded.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// Whether an UPDATE left the row as it was.
bool same_row(HeapTuple a, HeapTuple b, TupleDesc descriptor);

// A copy of the row with another version in this column.
HeapTuple with_version(HeapTuple row, TupleDesc descriptor, int column, std::int64_t version);

}  // namespace replicache::engine
