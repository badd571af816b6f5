// Deferred constraints are checked after each mutation. At commit, a violation would fail the whole push, and the mutation that caused it
// would be unknown.
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

// Checks all that is deferred so far, as SET CONSTRAINTS ALL IMMEDIATE does, and puts the constraints back to their
// initial mode (but see constraints.cpp for names that are not unique). Costs next to nothing in a database without deferrable constraints.
// Throws the violation.
void check_deferred_constraints();

}  // namespace replicache::engine
