// Spaces that come into being: on first use, by create_space(), and from a dump.
#pragma once

#include "engine/space/clock.h"

extern "C" {
#include "commands/trigger.h"
}

namespace replicache::engine {

// Throws 42710 when the space exists.
void create_space(const std::string& id, const Clock& clock);
// The same, unless it exists. Locks nothing else.
void ensure_space(std::string_view id, const Clock& clock);

// The trigger before a row of replicache.space is inserted. If the space is there already, the row comes from a dump. It is merged with
// the one that is there, because COPY would fail as a whole, and the versions of all spaces would be lost.
HeapTuple on_restore(const TriggerData& trigger);

}  // namespace replicache::engine
