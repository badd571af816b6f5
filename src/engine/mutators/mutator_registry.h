// The registry of mutators (replicache.mutator).
#pragma once

#include "engine/mutators/mutator.h"

namespace replicache::engine {

// Throws unless the function can serve as a mutator.
void register_mutator(const std::string& name, Oid function);
void unregister_mutator(const std::string& name);

// The mutator of that name: the one that is registered, else that of an exposed table. Throws 42883 when there is none.
std::shared_ptr<Mutator> find_mutator(const std::string& name);

}  // namespace replicache::engine
