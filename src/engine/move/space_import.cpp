#include "engine/move/space_export.h"

#include "engine/move/copied_tables.h"
#include "engine/session/push_guard.h"
#include "engine/space/away.h"
#include "engine/space/new_space.h"
#include "engine/space/space.h"
#include "engine/table/canonical_space.h"
#include "pg/array.h"
#include "pg/own_table.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::SqlError;
using pg::Value;

struct Arriving {
    std::string space;
    std::string move;
    const Clock* clock;
};

Arriving arriving(Value exported) {
    static OwnStatement read(
        R"(
            SELECT $1 OPERATOR(pg_catalog.->>) 'format', $1 OPERATOR(pg_catalog.->>) 'space', $1 OPERATOR(pg_catalog.->>) 'move',
                $1 OPERATOR(pg_catalog.->>) 'clock'
            WHERE pg_catalog.json_typeof($1) OPERATOR(pg_catalog.=) 'object')",
        {JSONOID});
    const pg::Rows rows = read.run({exported});
    const auto member = [&rows](int column) { return rows.empty() ? std::nullopt : rows.text(0, column); };
    const auto format = member(1), space = member(2), move = member(3);
    const Clock* const clock = find_clock(member(4).value_or(""));
    if (format != "1" || !space || !move || clock == nullptr)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "exported is not what replicache.export_space returns", {},
                       "Both servers need a version of the extension that knows the format and the clock.");
    check_space_id(*space);
    return {*space, *move, clock};
}

// False: it is here already, by this move.
bool is_new(const Arriving& arriving) {
    pg::Table table("space", pg::Table::Access::write);
    if (!table.lock(arriving.space)) return true;
    if (move_of(table) == arriving.move) return false;
    throw SqlError(ERRCODE_DUPLICATE_OBJECT, "space \"" + arriving.space + "\" exists already", {},
                   "If a move was given up, close this copy by replicache.hold_space and replicache.close_space, and delete its rows.");
}

// Versions go on as they were. Where they are ids of transactions, they mean nothing here, and all clients get complete pulls.
void insert_space(const Arriving& arriving, Value exported) {
    static OwnStatement insert(
        R"(
            INSERT INTO replicache.space (id, clock, version, floor, collected)
            SELECT id, clock, version, floor, collected
            FROM pg_catalog.json_to_record($1) AS x(space text, clock text, version int8, floor int8, collected int8), pg_catalog.unnest(ARRAY[$2]) AS s(id))",
        {JSONOID, TEXTOID});
    static OwnStatement histories(
        R"(
            INSERT INTO replicache.former_history (space, name, lsn, version)
            SELECT DISTINCT ON (name) $2, name, lsn, version
            FROM pg_catalog.json_to_recordset($1 OPERATOR(pg_catalog.->) 'histories') AS x(name text, lsn int8, version int8)
            ORDER BY name, version DESC)",
        {JSONOID, TEXTOID});
    static OwnStatement here("DELETE FROM replicache.moved_space WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const Value id = pg::value(std::string_view(arriving.space));
    here.run({id});
    if (!arriving.clock->locks) return create_space(arriving.space, *arriving.clock);
    insert.run({exported, id});
    histories.run({exported, id});
}

void insert_clients(Value exported, Value version) {
    static OwnStatement groups(
        R"(
            INSERT INTO replicache.client_group
            SELECT r.*
            FROM pg_catalog.json_populate_recordset(NULL::replicache.client_group, $1 OPERATOR(pg_catalog.->) 'client_groups') r)",
        {JSONOID});
    static OwnStatement clients(
        R"(
            INSERT INTO replicache.client (id, client_group_id, last_mutation_id, version, last_seen)
            SELECT id, client_group_id, last_mutation_id, COALESCE($2, version), last_seen
            FROM pg_catalog.json_populate_recordset(NULL::replicache.client, $1 OPERATOR(pg_catalog.->) 'clients') r)",
        {JSONOID, INT8OID});
    static OwnStatement forgotten(
        R"(
            INSERT INTO replicache.forgotten_client
            SELECT r.*
            FROM pg_catalog.json_populate_recordset(NULL::replicache.forgotten_client, $1 OPERATOR(pg_catalog.->) 'forgotten_clients') r
            ON CONFLICT DO NOTHING)",
        {JSONOID});
    static OwnStatement remembered(
        R"(
            DELETE FROM replicache.forgotten_client f
            USING pg_catalog.json_to_recordset($1 OPERATOR(pg_catalog.->) 'clients') AS c(id text)
            WHERE f.id OPERATOR(pg_catalog.=) c.id)",
        {JSONOID});
    static OwnStatement uploads(
        R"(
            INSERT INTO replicache.upload_client AS u
            SELECT r.*
            FROM pg_catalog.json_populate_recordset(NULL::replicache.upload_client, $1 OPERATOR(pg_catalog.->) 'upload_clients') r
            ON CONFLICT (client_id, user_id) DO UPDATE
            SET last_number = GREATEST(u.last_number, excluded.last_number), checkpoint = GREATEST(u.checkpoint, excluded.checkpoint),
                last_seen = GREATEST(u.last_seen, excluded.last_seen))",
        {JSONOID});
    groups.run({exported});
    clients.run({exported, version});
    forgotten.run({exported});
    remembered.run({exported});
    uploads.run({exported});
}

void insert_log(Value exported) {
    static OwnStatement tombstones(
        R"(
            INSERT INTO replicache.tombstone
            SELECT r.*
            FROM pg_catalog.json_populate_recordset(NULL::replicache.tombstone, $1 OPERATOR(pg_catalog.->) 'tombstones') r)",
        {JSONOID});
    static OwnStatement creations(
        R"(
            INSERT INTO replicache.creation
            SELECT r.*
            FROM pg_catalog.json_populate_recordset(NULL::replicache.creation, $1 OPERATOR(pg_catalog.->) 'creations') r)",
        {JSONOID});
    static OwnStatement pagings(
        R"(
            INSERT INTO replicache.paging
            SELECT r.*
            FROM pg_catalog.json_populate_recordset(NULL::replicache.paging, $1 OPERATOR(pg_catalog.->) 'pagings') r)",
        {JSONOID});
    tombstones.run({exported});
    creations.run({exported});
    pagings.run({exported});
}

// Whether there are any.
bool insert_errors(Value exported) {
    static OwnStatement errors(
        R"(
            INSERT INTO replicache.mutation_error
                (space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail, hint, at, version)
            SELECT space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail, hint, at, version
            FROM pg_catalog.json_populate_recordset(NULL::replicache.mutation_error, $1 OPERATOR(pg_catalog.->) 'errors') r
            ORDER BY error_id)",
        {JSONOID});
    return errors.run({exported}).count() > 0;
}

// Throws unless the tables are tracked here. Returns whether clients see their rows as on the other server.
bool has_same_tables(Value exported) {
    static OwnStatement compare(
        R"(
            SELECT x."table", t.relation IS NOT NULL,
                t.relation IS NOT NULL AND pg_catalog.to_jsonb(t) OPERATOR(pg_catalog.-) $2 OPERATOR(pg_catalog.=) x.definition
            FROM pg_catalog.json_to_recordset($1 OPERATOR(pg_catalog.->) 'tables') AS x("table" text, definition jsonb)
            LEFT JOIN replicache.tracked_table t ON t.relation OPERATOR(pg_catalog.=) pg_catalog.to_regclass(x."table"))",
        {JSONOID, TEXTARRAYOID});
    const pg::Rows rows = compare.run({exported, pg::value(pg::text_array(not_of_definition()))});
    bool same = true;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        if (!DatumGetBool(rows.get(i, 2).datum))
            throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "table " + pg::required(rows.text(i, 1)) + " is not tracked here", {},
                           "Both servers need the same tables, with the same names.");
        same = same && DatumGetBool(rows.get(i, 3).datum);
    }
    return same;
}

}  // namespace

bool import_space(Value exported) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.import_space()"); });
    PushGuard::check("import_space");
    static OwnStatement hold("UPDATE replicache.space SET held = $2 WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID, TEXTOID});
    const pg::SpiConnection spi;
    const Arriving arriving = engine::arriving(exported);
    if (!is_new(arriving)) return false;
    const bool same_tables = has_same_tables(exported);
    check_no_rows(arriving.space);
    pg::guarded([] { ForceSyncCommit(); });
    insert_space(arriving, exported);
    Space& space = take_space(arriving.space);
    space.arriving = space.clock->locks;
    if (!space.arriving || !same_tables) raise_floor(space);
    insert_clients(exported, space.arriving ? Value{} : pg::value(space.version));
    if (space.arriving) insert_log(exported);
    // Errors get new ids here, which can be in their keys.
    if (insert_errors(exported) && tracked_table(pg::own_relation("mutation_error"))) raise_floor(space);
    hold.run({pg::value(std::string_view(arriving.space)), pg::value(std::string_view(arriving.move))});
    space.row = nullptr;
    return true;
}

}  // namespace replicache::engine
