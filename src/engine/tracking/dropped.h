// Tables in the registries that were dropped while event triggers were disabled, so the extension was not told. Clients must drop their
// rows, and their names and keys are free again.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// Forgets a tracked table that does not exist any more. The next pulls are complete then. False: the table exists, or was not tracked.
// Both functions need an open SPI connection.
bool forget_if_dropped(Oid relation);

// The same for all tables, tracked or exposed. Set-up calls it first, so that names and keys of such tables do not count as taken.
void forget_dropped_tables();

}  // namespace replicache::engine
