// What collect_garbage may remove. The dry run counts it.
#pragma once

#include "engine/upkeep/garbage.h"

namespace replicache::engine {

// SQL, " AND …": which old tombstones t the clocks let go. `space`: what has the column clock.
std::string and_removable(const std::string& space);

// SQL, "FALSE OR …": which tombstones t of a space s no cookie can need.
std::string is_foreign();

// How many rows a collection would remove whose time ends here, if nobody is at work. Needs an open SPI connection.
Garbage count_garbage(pg::Value cutoff);

}  // namespace replicache::engine
