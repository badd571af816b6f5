// The push: runs the mutations of a batch in order, each one atomically with its client's last_mutation_id.
#pragma once

#include "model/batch.h"
#include "pg/border.h"

namespace replicache::engine {

struct Pusher {
    std::optional<std::string> user_id;
    std::string space;
};

// Everything happens in the calling transaction. Throws what the caller must roll back for.
Outcome push(const Batch& batch, const Pusher& pusher);

}  // namespace replicache::engine
