// How far a space has got, as a reader sees it.
#pragma once

#include "engine/space/clock.h"

namespace replicache::engine {

// A space without any change may have no row. Its head is like this, for every clock.
struct Head {
    const Clock* clock = &counter_clock;
    std::int64_t version = 0;    // of the last change that is seen, see Clock::seen_version; 0 where the clock does not write it down
    std::int64_t floor = 0;      // see raise_floor
    std::int64_t collected = 0;  // see note_collected
    std::int64_t collector = 0;  // the last transaction that has collected tombstones; 0 where the clock does not write it down
    bool may_be_lost = false;    // a crash could still undo it
};

// Under the active snapshot; nullopt: the space has no row. Throws SpaceAway when it has moved.
std::optional<Head> head_of(std::string_view space);

}  // namespace replicache::engine
