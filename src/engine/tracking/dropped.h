// Tables of the registries that were dropped while event triggers were off, so that nobody has told us. Their rows are gone from all
// clients' views, and their names and keys are free.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// Forgets a tracked table if it is no more: the next pulls are complete. False: it is there, or was not tracked. Needs an open SPI
// connection, as the other.
bool forget_if_dropped(Oid relation);

// The same for all tables, tracked or exposed. For set-up, which must not find their names and keys taken.
void forget_dropped_tables();

}  // namespace replicache::engine
