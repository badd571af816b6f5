// A new epoch, after a restore from backup.
#pragma once

namespace replicache::engine {

// Forgets all clients, and moves every space, those that come into being later included, beyond any version that the
// lost history can have given out. All cookies are strangers from then on.
void new_epoch();

}  // namespace replicache::engine
