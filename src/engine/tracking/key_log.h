// The history of keys: a tombstone for each key that was removed and, where the clock logs rows, a creation for each key that was added.
#pragma once

#include "engine/space/space.h"

extern "C" {
#include "commands/trigger.h"
}

namespace replicache::engine {

// Columns of replicache.tombstone and replicache.creation.
namespace tombstone_column {
constexpr int space = 1, version = 2, key = 3, relation = 4, identity = 5, part = 7;
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
    std::optional<std::string_view> part{};  // nullopt: the table has no parts
};

// Hooks into the end of statements. Call it once per backend.
void register_key_log();

// Leaves a tombstone for a key of the space. Where the clock logs rows, the tombstone also holds the table and {"column":value} of the row.
// `trigger`: the AFTER trigger that does so; null: none does. The tombstones of one statement are written together.
void bury(const TriggerData* trigger, Space& space, std::string_view key, const GoneRow& gone);

// Notes that a row with this version was created. Clients of lastMutationAt get new rows and changed rows separately, so only spaces whose
// clock logs rows need it.
void log_creation(const TriggerData& trigger, const Space& space, std::int64_t version, std::string_view key);

}  // namespace replicache::engine
