// What a reader has seen, in the ids of transactions that have ended: the clock `transaction`.
//
// Rows carry the id of the top-level transaction that wrote them; the ids of its subtransactions, which xmin may show, are
// in no snapshot. Ids are 64 bits wide (xid8) and never wrap.
#pragma once

#include "engine/batch.h"
#include "pg/border.h"

namespace replicache::engine {

struct ReaderSnapshot {
    std::int64_t xmin;                       // all transactions below have ended
    std::int64_t xmax;                       // none from here on is seen
    std::vector<std::int64_t> in_progress;   // …nor any of these; those of subtransactions may be among them
    std::int64_t own = 0;                    // the reader's own transaction, whose changes it sees; 0: none
    std::int64_t ended = 0;                  // how many transactions have ended; rises with each one that does
};

// Of the active snapshot.
ReaderSnapshot read_snapshot();

// The id of this transaction, which gets one when it has none.
std::int64_t own_transaction();

// Tells the transaction ids in cookies from those of other histories: a database that was restored from a dump, a server that
// was promoted, or that went through new_epoch(), may give the same id to another transaction. Read under the active snapshot.
std::string origin();

// Whether this is a standby, whose origin is `here`, that has yet to follow to where the cookie's origin is: a promotion or a
// new_epoch() that it has not heard of.
bool is_behind(const Cookie& cookie, std::string_view here, const ReaderSnapshot& now);

// Makes all cookies of the clock `transaction` strangers.
void renew_origin();

// Writes to disk what has been seen: after a crash, the id of a transaction whose end has not reached the disk is given to
// another one, and a cookie that has left the server would call that one seen.
void flush_seen();

}  // namespace replicache::engine
