#include "engine/upkeep/garbage.h"

#include "engine/last_mutation_at/paging.h"
#include "engine/session/push_guard.h"
#include "engine/space/space.h"
#include "engine/upkeep/removable.h"
#include "pg/own_table.h"
#include "pg/table.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::Rows;
using pg::SqlError;
using pg::Statement;
using pg::Value;

// A point in time: what is as old, or older, is garbage. Timestamps begin in 4713 BC.
Value cutoff(Value idle, const char* argument) {
    static Statement subtract(
        R"(
            SELECT CASE
                WHEN $1 OPERATOR(pg_catalog.>=) '0'::pg_catalog.interval
                 AND $1 OPERATOR(pg_catalog.<=) '6000 years'::pg_catalog.interval
                THEN pg_catalog.now() OPERATOR(pg_catalog.-) $1
            END)",
        {INTERVALOID});
    const Value at = subtract.run({idle}).get(0, 1);
    if (at.null) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, std::string(argument) + " must be from 0 to 6000 years");
    return at;
}

// There are no views before ALTER EXTENSION … UPDATE from 0.3.1.
bool has_views() { return pg::Table::exists("client_view"); }

// Removes the old tombstones of each space, and those of lower versions, and tells pulls up to where. A space that is held stays as it is.
// Before ALTER EXTENSION … UPDATE from 0.5.0, there is no column held.
std::int64_t collect_tombstones(Value cutoff) {
    static const std::string foreign_sql =
        R"(
            DELETE FROM replicache.tombstone t
            USING replicache.space s
            WHERE t.space OPERATOR(pg_catalog.=) s.id
              AND ()" +
        is_foreign() + ")";
    static OwnStatement remove_foreign(foreign_sql.c_str(), {});
    static const std::string sql =
        R"(
            WITH old AS (
                SELECT s.id, s.clock, pg_catalog.max(t.version) AS version
                FROM replicache.tombstone t, replicache.space s
                WHERE t.at OPERATOR(pg_catalog.<=) $1
                  AND t.space OPERATOR(pg_catalog.=) s.id
                  AND pg_catalog.to_jsonb(s) OPERATOR(pg_catalog.->>) 'held' IS NULL)" +
        and_removable("s") + R"(
                GROUP BY s.id),
            gone AS (
                DELETE FROM replicache.tombstone t
                USING old
                WHERE t.space OPERATOR(pg_catalog.=) old.id
                  AND t.version OPERATOR(pg_catalog.<=) old.version)" +
        and_removable("old") + R"(
                RETURNING t.space)
            SELECT old.id, old.version, g.count
            FROM old, (SELECT space, pg_catalog.count(*) AS count FROM gone GROUP BY space) g
            WHERE g.space OPERATOR(pg_catalog.=) old.id
            ORDER BY old.id)";
    static OwnStatement remove(sql.c_str(), {TIMESTAMPTZOID});
    auto removed = static_cast<std::int64_t>(remove_foreign.run({}).count());
    const Rows spaces = remove.run({cutoff});
    // Only now is anybody made to wait for us: in the order of names, and before clients are locked, as everywhere.
    for (std::uint64_t i = 0; i < spaces.count(); ++i) {
        pg::check_interrupts();
        note_collected(take_space(pg::required(spaces.text(i, 1))), spaces.int8(i, 2));
        removed += spaces.int8(i, 3);
    }
    return removed;
}

std::int64_t collect_errors(Value cutoff) {
    static OwnStatement remove(
        R"(
            DELETE FROM replicache.mutation_error
            WHERE error_id OPERATOR(pg_catalog.=) ANY (ARRAY(
                SELECT error_id
                FROM replicache.mutation_error
                WHERE at OPERATOR(pg_catalog.<=) $1
                FOR UPDATE SKIP LOCKED)))",
        {TIMESTAMPTZOID});
    return static_cast<std::int64_t>(remove.run({cutoff}).count());
}

// Groups are locked before clients, as everywhere, and nobody is waited for: who is at work is not idle.
void collect_clients(Value cutoff, Garbage& garbage) {
    static OwnStatement lock_groups(
        R"(
            WITH locked AS (
                SELECT g.id
                FROM replicache.client_group g
                WHERE NOT EXISTS (
                    SELECT
                    FROM replicache.client c
                    WHERE c.client_group_id OPERATOR(pg_catalog.=) g.id
                      AND c.last_seen OPERATOR(pg_catalog.>) $1)
                FOR UPDATE SKIP LOCKED)
            SELECT pg_catalog.array_agg(id)
            FROM locked)",
        {TIMESTAMPTZOID});
    static OwnStatement forget(
        R"(
            WITH locked AS (
                SELECT id
                FROM replicache.client
                WHERE last_seen OPERATOR(pg_catalog.<=) $1
                FOR UPDATE SKIP LOCKED),
            gone AS (
                DELETE FROM replicache.client c
                USING locked
                WHERE c.id OPERATOR(pg_catalog.=) locked.id
                RETURNING c.id)
            INSERT INTO replicache.forgotten_client (id)
            SELECT id
            FROM gone
            ON CONFLICT (id) DO UPDATE SET at = excluded.at)",
        {TIMESTAMPTZOID});
    // Under the latest snapshot: a push may have given the group a client before we locked it, which does not change its row.
    static OwnStatement find_empty(
        R"(
            SELECT pg_catalog.array_agg(u.id)
            FROM pg_catalog.unnest($1) AS u(id)
            WHERE NOT EXISTS (
                SELECT
                FROM replicache.client c
                WHERE c.client_group_id OPERATOR(pg_catalog.=) u.id))",
        {TEXTARRAYOID});
    static OwnStatement remove_groups("DELETE FROM replicache.client_group WHERE id OPERATOR(pg_catalog.=) ANY ($1)", {TEXTARRAYOID});
    const Value groups = lock_groups.run({cutoff}).get(0, 1);
    garbage.clients = static_cast<std::int64_t>(forget.run({cutoff}).count());
    if (groups.null) return;
    const Value empty = find_empty.run({groups}, pg::Snapshot::latest).get(0, 1);
    if (empty.null) return;
    garbage.client_groups = static_cast<std::int64_t>(remove_groups.run({empty}).count());
    static OwnStatement remove_views(
        R"(
            DELETE FROM replicache.client_view
            WHERE client_group_id OPERATOR(pg_catalog.=) ANY (ARRAY(
                SELECT v.client_group_id
                FROM replicache.client_view v
                WHERE v.client_group_id OPERATOR(pg_catalog.=) ANY ($1)
                FOR UPDATE SKIP LOCKED)))",
        {TEXTARRAYOID});
    if (has_views()) remove_views.run({empty});
}

// Pulls note the day of use, in UTC, and only once a day. A record that is no client's newest may still be in a cookie whose answer was
// lost, or in another tab, so it stays for a day. A client whose record is gone gets a complete pull. Nobody is waited for.
void collect_views(Value cutoff) {
    static OwnStatement forget(
        R"(
            DELETE FROM replicache.client_view
            WHERE client_group_id OPERATOR(pg_catalog.=) ANY (ARRAY(
                SELECT v.client_group_id
                FROM replicache.client_view v
                WHERE v.used_on OPERATOR(pg_catalog.<=) pg_catalog.timezone('UTC', $1)::pg_catalog.date
                FOR UPDATE SKIP LOCKED)))",
        {TIMESTAMPTZOID});
    static OwnStatement remove(
        R"(
            DELETE FROM replicache.view_record
            WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(
                SELECT r.id
                FROM replicache.view_record r
                WHERE r.used_on OPERATOR(pg_catalog.<=) pg_catalog.timezone('UTC', $1)::pg_catalog.date
                   OR (r.used_on OPERATOR(pg_catalog.<)
                           pg_catalog.timezone('UTC', pg_catalog.now() OPERATOR(pg_catalog.-) '1 day'::pg_catalog.interval)::pg_catalog.date
                       AND NOT EXISTS (
                           SELECT
                           FROM replicache.client_view v
                           WHERE v.record OPERATOR(pg_catalog.=) r.id))
                FOR UPDATE SKIP LOCKED)))",
        {TIMESTAMPTZOID});
    if (!has_views()) return;
    forget.run({cutoff});
    remove.run({cutoff});
}

// For status(). Only one collection runs at a time, so there is one row. If another collection has come after the snapshot of this
// transaction, its row stays, because to write it would fail.
void note_collection() {
    static OwnStatement last("SELECT pg_catalog.max(at) FROM replicache.garbage_collection", {});
    static OwnStatement update(
        R"(
            UPDATE replicache.garbage_collection
            SET at = pg_catalog.clock_timestamp(),
                oldest_client = COALESCE((SELECT pg_catalog.min(last_seen) FROM replicache.client), pg_catalog.now()))",
        {});
    static OwnStatement insert(
        R"(
            INSERT INTO replicache.garbage_collection (at, oldest_client)
            SELECT pg_catalog.clock_timestamp(), COALESCE(pg_catalog.min(last_seen), pg_catalog.now())
            FROM replicache.client)",
        {});
    if (!pg::Table::exists("garbage_collection")) return;  // before ALTER EXTENSION … UPDATE from 0.4.0
    const Value seen = last.run({}).get(0, 1), latest = last.run({}, pg::Snapshot::latest).get(0, 1);
    if (seen.null != latest.null || (!seen.null && seen.datum != latest.datum)) return;
    (seen.null ? insert : update).run({});
}

}  // namespace

Garbage collect_garbage(Value idle, Value views, bool dry_run) {
    if (!dry_run) pg::guarded([] { PreventCommandIfReadOnly("replicache.collect_garbage()"); });
    PushGuard::check("collect_garbage");  // which may have locked what would be removed
    static OwnStatement one_at_a_time("LOCK TABLE replicache.forgotten_client IN SHARE ROW EXCLUSIVE MODE", {});
    const pg::SpiConnection spi;
    if (!dry_run) one_at_a_time.run({});
    const Value until = cutoff(idle, "idle"), until_of_views = views.null ? until : cutoff(views, "views");
    if (dry_run) return count_garbage(until);
    Garbage garbage;
    garbage.tombstones = collect_tombstones(until);
    collect_pagings(until);
    garbage.errors = collect_errors(until);
    collect_clients(until, garbage);
    collect_views(until_of_views);
    note_collection();
    return garbage;
}

}  // namespace replicache::engine
