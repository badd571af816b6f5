// The background worker that sends the pokes of a database, as long as there are some.
#pragma once

#include "engine/poke/area.h"

namespace replicache::engine {

// Asks the postmaster for a worker for the current database. Raises nothing and allocates nothing. Nobody promises that it comes.
void ask_for_poke_worker(PokeArea& area) noexcept;

}  // namespace replicache::engine
