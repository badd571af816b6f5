// What is uploaded to a mutator queue: calls of mutators. See mutator_queue.h for the registry.
#pragma once

#include "model/row_change.h"

namespace replicache::engine {

// What a change of a queue means: PUT calls the mutator in its data, as the calling role and within replicache.mutation_timeout,
// which `timed_out` is told about. Throws what that fails with, and then the caller must roll back. DELETE is the client tidying up.
void call_mutator(const RowChange& change, bool& timed_out);

// The name of the mutator that a change calls, for the record; empty: none, or none that can be read.
std::string called_mutator(const RowChange& change);

}  // namespace replicache::engine
