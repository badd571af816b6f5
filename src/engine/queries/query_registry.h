// The registry of named queries (replicache.query).
#pragma once

#include "engine/mutators/called_function.h"

namespace replicache::engine {

// Made from a template, which is the protocol's to read, or by a function.
struct Query {
    std::string ast;                           // empty: a function
    std::shared_ptr<CalledFunction> function;  // null: a template
};

// In a name, | counts as a dot.
void register_query(const std::string& name, std::string_view ast);
// Throws unless the function can serve as a query.
void register_query(const std::string& name, Oid function);
void unregister_query(const std::string& name);

// Null: there is none of that name. Throws when its function is gone, or cannot serve any more.
std::shared_ptr<const Query> find_query(const std::string& name);

}  // namespace replicache::engine
