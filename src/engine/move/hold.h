// Moves a space to another server while its clients go on. The steps, of which each may fail and be repeated:
//
//   1. old server: hold_space      writers are refused from now on, for now; pulls go on
//   2. old server: export_space    the bookkeeping, and which rows to copy
//   3. new server: import_space    and the rows, in one transaction. The space is held there, too
//   4. old server: close_space     requests are refused: the space has moved
//   5. the directory of the app names the new server
//   6. new server: release_space
//
// At no time do two servers take writes. See docs/cluster.md.
#pragma once

#include <string>

namespace replicache::engine {

// Waits for the writers of the space, and refuses new ones until it is released. Returns the id of the move: the same one if the space is
// held already.
std::string hold_space(const std::string& id);

// Lets writers in again.
void release_space(const std::string& id);

// Forgets the space, and remembers that it has moved. Its rows stay: they can be deleted from now on, and leave no tombstones. Nothing
// happens if the space has gone by this move already.
void close_space(const std::string& id, const std::string& move);

}  // namespace replicache::engine
