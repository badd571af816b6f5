// Casts to JSON that no statement shows. PostgreSQL calls the cast function of a value's type when the value becomes JSON.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// Whether the expression may call such a function, of a type that does not come with PostgreSQL. Raises PostgreSQL errors.
bool may_cast_to_json(Node* expression);

}  // namespace replicache::engine
