// Memory that all sessions of the server share, without shared_preload_libraries.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// The memory of this name. Who comes first makes it, and `initialize` gets it with the id of a new tranche of lightweight locks. Raises
// PostgreSQL errors with lightweight locks held: call it guarded in a subtransaction.
void* shared_memory(const char* name, std::size_t size, void (*initialize)(void* memory, int tranche));

// Tells this session the name of a tranche, for pg_stat_activity. `name` is kept. Call it guarded.
void name_tranche(int tranche, const char* name);

}  // namespace replicache::pg
