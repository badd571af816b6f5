#include "engine/space/space.h"

#include "engine/space/new_space.h"
#include "engine/space/poke.h"
#include "engine/space/snapshot.h"
#include "engine/space/taken_spaces.h"
#include "pg/own_table.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

using pg::SqlError;
using Access = pg::Table::Access;
using pg::clock_time;
using pg::clock_transaction;

// DROP EXTENSION may have come in between.
bool exists(Oid relation) {
    return pg::guarded([relation] { return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)); });
}

std::int64_t milliseconds() {
    constexpr std::int64_t since_1970 = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * static_cast<std::int64_t>(SECS_PER_DAY) * 1000;
    return GetCurrentTimestamp() / 1000 + since_1970;
}

// Never beyond what a client can read. Only a column or table that somebody has altered behind our back gets there.
std::int64_t next_version(std::int64_t version) {
    if (version < (std::int64_t{1} << 53) - 1) return version + 1;
    throw SqlError(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                   "a space has reached the version " + std::to_string(version) + ", and there is none above it", {},
                   pg::not_to_be_altered);
}

}  // namespace

pg::Clock clock_of(pg::Table& space) {
    const std::string name = space.text(space_column::clock).value_or("");
    if (const auto clock = pg::clock_by_name(name)) return *clock;
    throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "a space has the unknown clock \"" + name + "\"", {}, pg::not_to_be_altered);
}

void check_space_id(std::string_view id) {
    if (id.size() > max_space_bytes)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "space is longer than " + std::to_string(max_space_bytes) + " bytes");
}

void write_head(Space& space) {
    if (space.clock != clock_time || !space.changed || !exists(space.table)) return;
    pg::guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    write_row(space, {{space_column::version, Int64GetDatum(space.version)}});
    pg::guarded([] { PopActiveSnapshot(); });
    poke(space.id, space.version);
}

Space& take_space(std::string_view id, std::optional<pg::Clock> clock) {
    auto& spaces = taken_spaces();
    const auto known = spaces.find(id);
    if (known != spaces.end() && known->second.taken) return known->second;
    check_space_id(id);

    static const std::string_view lock_free = pg::clock_name(clock_transaction);
    pg::Table table("space", Access::write);
    if (!table.lock_unless(id, space_column::clock, lock_free)) {
        ensure_space(id, clock.value_or(static_cast<pg::Clock>(pg::settings.default_clock)));
        // Another transaction created it after the snapshot of this one, which is REPEATABLE READ or above.
        if (!table.lock_unless(id, space_column::clock, lock_free))
            throw SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    }
    Space space{.id = std::string(id), .clock = clock_of(table), .before = 0, .version = 0, .row = nullptr};
    if (space.clock != clock_transaction) {
        space.before = table.int8(space_column::version);
        space.version = space.clock == clock_time ? std::max(space.before, table.int8(space_column::floor)) : next_version(space.before);
        space.row = table.copy_row(TopTransactionContext);
        space.table = space.row->t_tableOid;
    }
    // Taken before, by a subtransaction that was rolled back: what it has given is not given again.
    if (space.clock == clock_time && known != spaces.end()) space.version = std::max(space.version, known->second.version);
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
                       [](const auto& known) { return known.second.clock == clock_time && known.second.changed; });
}

// An id makes the transaction a writer, so it gets one at its first change only.
std::int64_t version_of(Space& space) {
    if (space.version == 0 && space.clock == clock_transaction) space.version = own_transaction();
    return space.version;
}

std::int64_t stamp(Space& space) {
    if (space.clock == clock_time) {
        space.version = std::max(milliseconds(), next_version(space.version));
        ++space.stamps;
        space.stamped_by = GetCurrentCommandId(true);  // used, so that the next statement has a later one
        note_changed(space);
        return space.version;
    }
    if (!space.deferred) write_version(space);
    return version_of(space);
}

void write_version(Space& space) {
    if (space.changed) return;
    if (space.clock == clock_time) {
        stamp(space);
        return;
    }
    const std::int64_t version = version_of(space);
    if (space.clock != clock_transaction) write_row(space, {{space_column::version, Int64GetDatum(version)}});
    note_changed(space);
    poke(space.id, space.version);
}

void raise_floor(Space& space) {
    // Who writes the floor last has also committed last: whoever has seen that floor has seen the ones before.
    if (space.clock == clock_time) {
        const Datum version = Int64GetDatum(stamp(space));
        return write_row(space, {{space_column::version, version}, {space_column::floor, version}});
    }
    const std::int64_t version = version_of(space);
    if (space.clock == clock_transaction)
        write_row(space, {{space_column::floor, Int64GetDatum(version)}});
    else
        write_row(space, {{space_column::version, Int64GetDatum(version)}, {space_column::floor, Int64GetDatum(version)}});
    note_changed(space);
    poke(space.id, space.version);
}

// No change of the space, so it gets no version.
void note_collected(Space& space, std::int64_t version) {
    {
        pg::Table table("space", Access::write);
        table.lock(space.id);
        version = std::max(version, table.int8(space_column::collected));
    }
    if (space.clock == clock_transaction)
        write_row(space, {{space_column::collected, Int64GetDatum(version)}, {space_column::collector, Int64GetDatum(own_transaction())}});
    else
        write_row(space, {{space_column::collected, Int64GetDatum(version)}});
}

void skip_to(Space& space, std::int64_t version) {
    if (space.clock == clock_transaction || version < space.version) return;
    if (space.clock == clock_time) {
        space.version = version;
        return;
    }
    space.version = next_version(version);
    space.changed = false;
}

}  // namespace replicache::engine
