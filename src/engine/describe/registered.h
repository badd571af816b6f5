// For replicache.describe(): what is registered, as far as the calling role may use it.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

struct RegisteredFunction {
    std::string name;  // as clients call it
    Oid function;      // InvalidOid: a query that is a template
    std::string ast;   // of a template
};

// Mutators and queries that the role may execute, and templates; in the order of their names. Those whose function is gone are left out.
std::vector<RegisteredFunction> usable_mutators();
std::vector<RegisteredFunction> usable_queries();

// Each is a JSON array. Tables that the role may read or write come with "relation", "entries" and "exposed".
std::string mutator_queues();
std::string usable_tables();

}  // namespace replicache::engine
