// What a reader has seen, in the ids of transactions that have ended: the clock `transaction`.
//
// Rows carry the id of the top-level transaction that wrote them; the ids of its subtransactions, which xmin may show, are
// in no snapshot. Ids are 64 bits wide (xid8) and never wrap.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

struct ReaderSnapshot {
    std::int64_t xmin;                      // all transactions below have ended
    std::int64_t xmax;                      // none from here on is seen
    std::vector<std::int64_t> in_progress;  // …nor any of these; those of subtransactions may be among them
    std::int64_t own = 0;                   // the reader's own transaction, whose changes it sees; 0: none
    std::int64_t next = 0;                  // no transaction has begun from here on, seen or not
};

// Of the active snapshot.
ReaderSnapshot read_snapshot();

// The id of this transaction, which gets one when it has none.
std::int64_t own_transaction();

}  // namespace replicache::engine
