// How far a space has got, as a reader sees it.
#pragma once

#include "engine/space/space.h"

namespace replicache::engine {

// A space that nobody has changed yet may have no row; its head is like this, whatever its clock will be.
struct Head {
    pg::Clock clock = pg::clock_counter;
    std::int64_t version = 0;      // clocks counter and time: of the last change; time: -1 without any
    std::int64_t floor = 0;        // see raise_floor
    std::int64_t collected = 0;    // see note_collected
    std::int64_t collector = 0;    // clock transaction: whoever has seen this transaction, too
    bool may_be_lost = false;      // a crash could still undo it
    std::int64_t own_version = 0;  // clock time: the last version that this transaction has given, seen or not
};

// Under the active snapshot; nullopt: the space has no row.
std::optional<Head> head_of(std::string_view space);

// Clocks counter and time: the version that the space has, or gets when a transaction ends that the snapshot does not show.
std::int64_t coming_version(std::string_view space);

}  // namespace replicache::engine
