// The background worker that sends the pokes of a database, as long as there are some.
#pragma once

#include "engine/poke/area.h"

namespace replicache::engine {

// Asks the postmaster for a worker for the current database. Raises nothing and allocates nothing. Returns false if too many processes
// run. True promises nothing: the worker cannot come into a database that allows no connections, for example.
bool ask_for_poke_worker(PokeArea& area) noexcept;

}  // namespace replicache::engine
