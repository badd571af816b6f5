#include "engine/space.h"

#include "engine/poke.h"
#include "engine/snapshot.h"

namespace replicache::engine {
namespace {

using pg::AsOwner;
using pg::SpiConnection;
using pg::SqlError;
using pg::Statement;
using pg::value;
using Access = pg::Table::Access;
using pg::clock_transaction;

struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
};

// The spaces that this transaction has taken. Entries stay where they are while the map grows: callers keep references.
std::unordered_map<std::string, Space, TextHash, std::equal_to<>> taken;

extern "C" void at_transaction_end(XactEvent event, void*) {
    switch (event) {
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            taken.clear();
            break;
        default:
            break;
    }
}

// What a subtransaction did to a space belongs to its parent when it commits, and is undone when it aborts: the lock
// and the version in the row are gone then, and so must be our memory of them.
extern "C" void at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void*) {
    if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB) return;
    const bool committed = event == SUBXACT_EVENT_COMMIT_SUB;
    for (auto it = taken.begin(); it != taken.end();) {
        Space& space = it->second;
        if (space.taken_in == mine && !committed) {
            it = taken.erase(it);
            continue;
        }
        if (space.taken_in == mine) space.taken_in = parent;
        if (space.written_in == mine) {
            space.written = committed;
            space.written_in = committed ? parent : InvalidSubTransactionId;
            if (!committed) space.row = nullptr;
        }
        ++it;
    }
}

void written(Space& space) {
    space.written = true;
    space.written_in = GetCurrentSubTransactionId();
    poke(space.id, space.version);
}

void write_row(Space& space, std::initializer_list<pg::Table::Change> changes) {
    pg::Table table("space", Access::write);
    if (space.row == nullptr) {
        table.lock(space.id);
        space.row = table.copy_row(TopTransactionContext);
    }
    space.row = table.update(space.row, changes, TopTransactionContext);
    written(space);
}

// Whether the row was created; false when it exists.
bool insert_space(std::string_view id, pg::Clock clock) {
    static Statement insert(
        "INSERT INTO replicache.space (id, clock, version, floor) SELECT $1, $2, e.start, e.start FROM "
        "(SELECT CASE WHEN $3 THEN COALESCE(pg_catalog.max(number), 0) OPERATOR(pg_catalog.<<) $4 ELSE 0 END AS start "
        "FROM replicache.epoch) e ON CONFLICT DO NOTHING",
        {TEXTOID, TEXTOID, BOOLOID, INT4OID});
    return insert.run({value(id), value(std::string_view(pg::clock_name(clock))), value(BoolGetDatum(clock != clock_transaction)),
                       value(Int32GetDatum(epoch_bits))}).count() > 0;
}

}  // namespace

pg::Clock clock_of(pg::Table& space) {
    const std::string name = space.text(space_column::clock).value_or("");
    if (const auto clock = pg::clock_by_name(name)) return *clock;
    throw SqlError(ERRCODE_INTERNAL_ERROR, "a space has the unknown clock \"" + name + "\"");
}

void check_space_id(std::string_view id) {
    if (id.size() > max_space_bytes)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                       "space is longer than " + std::to_string(max_space_bytes) + " bytes");
}

Space& take_space(std::string_view id) {
    if (const auto it = taken.find(id); it != taken.end()) return it->second;
    check_space_id(id);

    static const std::string_view lock_free = pg::clock_name(clock_transaction);
    pg::Table table("space", Access::write);
    if (!table.lock_unless(id, space_column::clock, lock_free)) {
        {
            const SpiConnection spi;
            const AsOwner owner;
            insert_space(id, static_cast<pg::Clock>(pg::settings.default_clock));
        }
        // Another transaction created it after the snapshot of this one, which is REPEATABLE READ or above.
        if (!table.lock_unless(id, space_column::clock, lock_free))
            throw SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    }
    Space space{.id = std::string(id), .clock = clock_of(table), .version = 0, .row = nullptr};
    if (space.clock != clock_transaction) {
        space.version = table.int8(space_column::version) + 1;
        space.row = table.copy_row(TopTransactionContext);
    }
    space.taken_in = GetCurrentSubTransactionId();
    return taken.emplace(space.id, space).first->second;
}

void create_space(const std::string& id, pg::Clock clock) {
    check_space_id(id);
    const SpiConnection spi;
    const AsOwner owner;
    if (!insert_space(id, clock))
        throw SqlError(ERRCODE_DUPLICATE_OBJECT, "space \"" + id + "\" exists already");
}

// An id makes the transaction a writer, so it gets one at its first change only.
std::int64_t version_of(Space& space) {
    if (space.version == 0) space.version = own_transaction();
    return space.version;
}

std::int64_t stamp(Space& space) {
    if (!space.deferred) write_version(space);
    return version_of(space);
}

void write_version(Space& space) {
    if (space.written) return;
    const std::int64_t version = version_of(space);
    if (space.clock == clock_transaction)
        written(space);
    else
        write_row(space, {{space_column::version, Int64GetDatum(version)}});
}

void raise_floor(Space& space) {
    // Who writes the floor last has also committed last: whoever has seen that floor has seen the ones before.
    const std::int64_t version = version_of(space);
    if (space.clock == clock_transaction)
        write_row(space, {{space_column::floor, Int64GetDatum(version)}});
    else
        write_row(space, {{space_column::version, Int64GetDatum(version)}, {space_column::floor, Int64GetDatum(version)}});
}

void skip_to(Space& space, std::int64_t version) {
    if (space.clock == clock_transaction || version < space.version) return;
    space.version = version + 1;
    space.written = false;
}

void register_space_callbacks() {
    pg::guarded([] {
        RegisterXactCallback(at_transaction_end, nullptr);
        RegisterSubXactCallback(at_subtransaction_end, nullptr);
    });
}

}  // namespace replicache::engine
