// A space, as it goes to another server.
#pragma once

#include "pg/datum.h"

namespace replicache::engine {

// The bookkeeping of a held space, as json: its versions, client groups, clients, tombstones and errors, and the COPY commands for its
// rows. `users`: an array of texts; upload clients of these users come along.
//
// Where writers do not lock the space, this waits for all transactions of the database that are open now: one of them may have seen the
// space before it was held.
pg::Value export_space(const std::string& id, pg::Value users);

// Takes what export_space has returned. In the rest of the transaction, rows of the space keep their versions. The space is held. False: it
// is here already, by the same move, so the rows are here, too.
bool import_space(pg::Value exported);

}  // namespace replicache::engine
