#include "engine/space/space.h"

#include "engine/space/away.h"
#include "engine/space/new_space.h"
#include "engine/space/taken_spaces.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using pg::SqlError;
using Access = pg::Table::Access;

// Whether a row with this clock needs no lock. A row with an unknown clock is locked, and then refused.
bool is_lock_free(std::string_view name) {
    const Clock* const clock = find_clock(name);
    return clock != nullptr && !clock->locks;
}

}  // namespace

const Clock& clock_of(pg::Table& space) {
    const std::string name = space.text(space_column::clock).value_or("");
    if (const Clock* const clock = find_clock(name)) return *clock;
    throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "a space has the unknown clock \"" + name + "\"", {}, pg::not_to_be_altered);
}

void check_space_id(std::string_view id) {
    if (id.size() > max_space_bytes)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "space is longer than " + std::to_string(max_space_bytes) + " bytes");
}

Space& take_space(std::string_view id, const Clock* clock) {
    auto& spaces = taken_spaces();
    const auto known = spaces.find(id);
    if (known != spaces.end() && known->second.taken) return known->second;
    check_space_id(id);

    pg::Table table("space", Access::write);
    if (!table.lock_unless(id, space_column::clock, is_lock_free)) {
        ensure_space(id, clock != nullptr ? *clock : default_clock());
        // Another transaction created it after the snapshot of this one, which is REPEATABLE READ or above.
        if (!table.lock_unless(id, space_column::clock, is_lock_free))
            throw SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    }
    if (move_of(table)) refuse_held(id);
    Space space{.id = std::string(id), .clock = &clock_of(table)};
    if (space.clock->locks) {
        space.before = table.int8(space_column::version);
        space.row = table.copy_row(TopTransactionContext);
        space.table = space.row->t_tableOid;
    }
    space.version = space.clock->first_version(space, table, known != spaces.end() ? known->second.version : 0);
    Space& entry = spaces[space.id] = space;
    note_taken(entry);
    return entry;
}

const Space* own_changes(std::string_view id) {
    const auto& spaces = taken_spaces();
    const auto known = spaces.find(id);
    return known != spaces.end() && known->second.changed ? &known->second : nullptr;
}

bool versions_tell_order() {
    const auto& spaces = taken_spaces();
    return std::any_of(spaces.begin(), spaces.end(),
                       [](const auto& known) { return known.second.clock->orders_changes && known.second.changed; });
}

void note_collected(Space& space, std::int64_t version) {
    {
        pg::Table table("space", Access::write);
        table.lock(space.id);
        version = std::max(version, table.int8(space_column::collected));
    }
    space.clock->write_collected(space, version);
}

}  // namespace replicache::engine
