#include "engine/space.h"

#include "engine/poke.h"
#include "pg/settings.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::AsOwner;
using pg::SpiConnection;
using pg::SqlError;
using pg::Statement;
using pg::value;
using Access = pg::Table::Access;

struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
};

// The spaces that this transaction holds. Entries stay where they are while the map grows: callers keep references.
std::unordered_map<std::string, Space, TextHash, std::equal_to<>> held;

extern "C" void at_transaction_end(XactEvent event, void*) {
    switch (event) {
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            held.clear();
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
    for (auto it = held.begin(); it != held.end();) {
        Space& space = it->second;
        if (space.locked_in == mine && !committed) {
            it = held.erase(it);
            continue;
        }
        if (space.locked_in == mine) space.locked_in = parent;
        if (space.written_in == mine) {
            space.written = committed;
            space.written_in = committed ? parent : InvalidSubTransactionId;
        }
        ++it;
    }
}

void write_row(Space& space, std::initializer_list<pg::Table::Change> changes) {
    pg::Table table("space", Access::write);
    table.lock(space.id);
    table.update(changes);
    space.written = true;
    space.written_in = GetCurrentSubTransactionId();
    poke(space.id, space.version());
}

// Whether the row was created; false when it exists.
bool insert_space(std::string_view id, std::string_view clock) {
    static Statement insert(
        "INSERT INTO replicache.space (id, clock, version, floor) SELECT $1, $2, e.start, e.start FROM "
        "(SELECT COALESCE(pg_catalog.max(number), 0) OPERATOR(pg_catalog.<<) $3 AS start FROM replicache.epoch) e "
        "ON CONFLICT DO NOTHING",
        {TEXTOID, TEXTOID, INT4OID});
    return insert.run({value(id), value(clock), value(Int32GetDatum(epoch_bits))}).count() > 0;
}

}  // namespace

void check_space_id(std::string_view id) {
    if (id.size() > max_space_bytes)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                       "space is longer than " + std::to_string(max_space_bytes) + " bytes");
}

Space& lock_space(std::string_view id) {
    if (const auto it = held.find(id); it != held.end()) return it->second;
    check_space_id(id);

    pg::Table table("space", Access::write);
    if (!table.lock(id)) {
        {
            const SpiConnection spi;
            const AsOwner owner;
            insert_space(id, pg::clock_name(pg::settings.default_clock));
        }
        // Another transaction created it after the snapshot of this one, which is REPEATABLE READ or above.
        if (!table.lock(id))
            throw SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    }
    Space space{.id = std::string(id), .committed = table.int8(space_column::version)};
    space.locked_in = GetCurrentSubTransactionId();
    return held.emplace(space.id, space).first->second;
}

void create_space(const std::string& id, const std::string& clock) {
    check_space_id(id);
    const SpiConnection spi;
    const AsOwner owner;
    if (!insert_space(id, clock))
        throw SqlError(ERRCODE_DUPLICATE_OBJECT, "space \"" + id + "\" exists already");
}

std::int64_t stamp(Space& space) {
    if (!space.deferred) write_version(space);
    return space.version();
}

void write_version(Space& space) {
    if (space.written) return;
    write_row(space, {{space_column::version, Int64GetDatum(space.version())}});
}

void raise_floor(Space& space) {
    write_row(space, {{space_column::version, Int64GetDatum(space.version())}, {space_column::floor, Int64GetDatum(space.version())}});
}

void skip_to(Space& space, std::int64_t version) {
    if (version <= space.committed) return;
    space.committed = version;
    space.written = false;
}

void register_space_callbacks() {
    pg::guarded([] {
        RegisterXactCallback(at_transaction_end, nullptr);
        RegisterSubXactCallback(at_subtransaction_end, nullptr);
    });
}

}  // namespace replicache::engine
