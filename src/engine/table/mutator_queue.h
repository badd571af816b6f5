// Mutator queues: what is uploaded to such a table is no row, but the call of a mutator (replicache.mutator_queue).
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

// The name is what clients call the queue. Throws 42710 when they call a table so.
void register_mutator_queue(const std::string& name);
void unregister_mutator_queue(const std::string& name);

// Costs no query, unless the registry has changed.
bool is_mutator_queue(const std::string& name);

// What a change of a queue means: PUT calls the mutator in its data, as the calling role and within replicache.mutation_timeout,
// which `timed_out` is told about. Throws what that fails with, and then the caller must roll back. DELETE is the client tidying up.
void call_mutator(const RowChange& change, bool& timed_out);

// The name of the mutator that a change calls, for the record; empty: none, or none that can be read.
std::string called_mutator(const RowChange& change);

}  // namespace replicache::engine
