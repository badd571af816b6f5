// The statements of a function in SQL.
#pragma once

#include "prelude.h"

namespace replicache::engine {

struct SqlBody {
    List* queries;       // of Query, analyzed, not rewritten
    const char* source;  // what errors point at
};

// `most`: without queries if there are more statements, which are not looked at then. Locks the tables that the statements name, until the
// end of the (sub)transaction. Raises PostgreSQL errors, of the text too: call it guarded.
SqlBody sql_body(HeapTuple function, int most = PG_INT32_MAX);

}  // namespace replicache::engine
