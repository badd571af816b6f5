// The push: runs the mutations of a batch in order. Each mutation and the last_mutation_id of its client change together or not at all.
#pragma once

#include "model/batch.h"
#include "pg/border.h"

namespace replicache::engine {

struct Pusher {
    std::optional<std::string> user_id;
    std::string space;
};

// Everything happens in the calling transaction. After an exception the caller must roll back.
Outcome push(const Batch& batch, const Pusher& pusher);

}  // namespace replicache::engine
