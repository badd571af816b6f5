// Mutator queues: what is uploaded to such a table is no row, but the call of a mutator (replicache.mutator_queue).
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// The name is what clients call the queue. Throws 42710 when they call a table so.
void register_mutator_queue(const std::string& name);
void unregister_mutator_queue(const std::string& name);

// Costs no query, unless the registry has changed.
bool is_mutator_queue(const std::string& name);

}  // namespace replicache::engine
