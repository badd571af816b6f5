// Pokes: the NOTIFY that tells listeners that a space has changed.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// Sends {"space":…,"version":…} on the channel replicache.poke_channel when the transaction commits; {"space":null} without
// replicache.poke_names, once.
void poke(const std::string& space, std::int64_t version);

}  // namespace replicache::engine
