// The spaces that this transaction has taken, and what it has done to them. A subtransaction that rolls back takes back what it has done.
#pragma once

#include "engine/space/space.h"

namespace replicache::engine {

struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
};

// The taken spaces by id. If only a subtransaction had taken a space, and was rolled back, the space stays here without Space::taken.
// Entries do not move, because callers keep references.
using TakenSpaces = std::unordered_map<std::string, Space, TextHash, std::equal_to<>>;
TakenSpaces& taken_spaces();

void note_taken(Space& space);
void note_changed(Space& space);
void note_stamped(Space& space);

// Writes these columns of the space's row. Locks it first where the clock does not.
void write_row(Space& space, std::initializer_list<pg::Table::Change> changes);

// Call once per backend.
void register_space_callbacks();

}  // namespace replicache::engine
