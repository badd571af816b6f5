// What became of keys: tombstones of those that went away and, where the clock logs rows, creations of those that came.
#pragma once

#include "engine/space/space.h"

namespace replicache::engine {

// Columns of replicache.tombstone and replicache.creation.
namespace tombstone_column {
constexpr int space = 1, version = 2, key = 3, relation = 4, identity = 5;
}
namespace creation_column {
constexpr int space = 1, version = 2, key = 3;
}

// A row that goes away.
struct GoneRow {
    Oid table;  // the tracked one
    HeapTuple row;
    TupleDesc descriptor;
    const std::vector<AttrNumber>& identity;
};

// Leaves a tombstone for a key of the space. Where the clock logs rows, it tells the table and {"column":value} of the row, too.
void bury(Space& space, std::string_view key, const GoneRow& gone);

// Notes that a row with this version came into being, for clients that want to be told apart what is new and what has changed.
// Only for spaces whose clock logs rows.
void log_creation(const Space& space, std::int64_t version, std::string_view key);

}  // namespace replicache::engine
