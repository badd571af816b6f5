// Which transactions the snapshot of a pull sees.
#pragma once

#include "prelude.h"

namespace replicache::engine {

struct ReaderSnapshot {
    std::int64_t xmin;                      // all transactions below have ended
    std::int64_t xmax;                      // none from here on is seen
    std::vector<std::int64_t> in_progress;  // …nor any of these; those of subtransactions may be among them
    std::int64_t own = 0;                   // the reader's own transaction, whose changes it sees; 0: none
    std::int64_t next = 0;                  // no transaction has begun from here on, seen or not
};

// The active snapshot.
ReaderSnapshot read_snapshot();

// How many transactions have ended in the active snapshot. It rises with every change that a later snapshot sees. On the primary,
// subtransactions of a transaction in progress count as ended. On a standby they do not, so the number may be lower there.
std::int64_t ended_transactions();

}  // namespace replicache::engine
