// A new epoch, after a restore from backup.
#pragma once

namespace replicache::engine {

// Forgets all clients. Moves every space beyond any version that the lost history can have given out. Spaces that are created later begin
// there, too. From then on, all cookies from before count as cookies of another history.
void new_epoch();

}  // namespace replicache::engine
