// The push: runs the mutations of a batch in order, each one atomically with its client's last_mutation_id.
#pragma once

#include "model/batch.h"
#include "pg/border.h"

namespace replicache::engine {

struct Pusher {
    std::optional<std::string> user_id;
    std::string space;
};

// Pushes, replays and the mutators that an upload calls do not nest: throws 0A000 when one is at work in this backend.
class PushGuard {
public:
    static void check(const char* function);
    explicit PushGuard(const char* function);
    ~PushGuard();
    PushGuard(const PushGuard&) = delete;
    PushGuard& operator=(const PushGuard&) = delete;
};

// Everything happens in the calling transaction. Throws what the caller must roll back for; see sql-api, *Push*.
Outcome push(const Batch& batch, const Pusher& pusher);

}  // namespace replicache::engine
