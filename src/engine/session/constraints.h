// Deferred constraints are checked mutation by mutation: at commit a violation would poison the whole push, and nobody
// could tell whose it was.
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

// Checks all that is deferred so far, as SET CONSTRAINTS ALL IMMEDIATE does, and puts the constraints back to their
// initial mode (but see constraints.cpp for names that are not unique). Costs next to nothing in a database without deferrable constraints.
// Throws the violation.
void check_deferred_constraints();

}  // namespace replicache::engine
