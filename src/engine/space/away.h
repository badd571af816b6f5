// Spaces that are not here, or not to be written: they are on their way to another server (engine/move).
//
// replicache.space.held names the move for which a space is held. replicache.moved_space has the spaces that are gone.
#pragma once

#include "pg/table.h"

namespace replicache::engine {

// The errors have the code RE004: a push is halted, and clients come again.
struct SpaceAway : pg::SqlError {
    using SqlError::SqlError;
};

// The move for which the space is held whose row was found or locked. Nullopt: it is not held.
std::optional<std::string> move_of(pg::Table& space);

[[noreturn]] void refuse_held(std::string_view space);

// Throws SpaceAway if the space has moved to another server, as far as the snapshot shows.
enum class As { seen, committed };
void check_is_here(std::string_view space, As as);

// The move by which the space has gone, as committed now. Nullopt: it has not.
std::optional<std::string> moved_by(std::string_view space);

}  // namespace replicache::engine
