// Forgetting: clients that have been idle for long, and what was kept for clients that are.
#pragma once

#include "pg/datum.h"

namespace replicache::engine {

// How many rows were removed.
struct Garbage {
    std::int64_t clients = 0;
    std::int64_t client_groups = 0;
    std::int64_t tombstones = 0;
    std::int64_t errors = 0;
};

// Forgets clients that have pushed nothing for so long, groups without others, and tombstones and errors that are as old. What
// others have locked is not idle, and stays. Also removes records of client views that no pull has used for the time `views`, and those
// that no client needs any more. Both arguments are intervals. `views` is null: as idle.
// A dry run only counts what would be removed. It writes and locks nothing.
Garbage collect_garbage(pg::Value idle, pg::Value views, bool dry_run);

}  // namespace replicache::engine
