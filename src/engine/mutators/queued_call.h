// Calls of mutators that are uploaded to a mutator queue. See engine/table/mutator_queue.h for the registry.
#pragma once

#include "model/row_change.h"

namespace replicache::engine {

// Applies a change of a queue. PUT calls the mutator that its data names, as the calling role and within replicache.mutation_timeout.
// `timed_out` becomes whether that time was over. Throws the error that the call fails with, and then the caller must roll back. DELETE has
// no effect: the client only removes its own row.
void call_mutator(const RowChange& change, bool& timed_out);

// The name of the mutator that a change calls, for replicache.mutation_error. Empty: it calls none, or the name cannot be read.
std::string called_mutator(const RowChange& change);

}  // namespace replicache::engine
