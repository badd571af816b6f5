#include "engine/move/space_export.h"

#include "engine/move/copied_tables.h"
#include "engine/session/push_guard.h"
#include "engine/space/away.h"
#include "engine/space/history.h"
#include "engine/space/space.h"
#include "engine/table/canonical_space.h"
#include "pg/array.h"
#include "pg/own_table.h"

extern "C" {
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/utility.h"
#include "utils/datum.h"
}

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::SqlError;

// A writer that takes no lock has looked whether the space is held at some time in its transaction. So everybody who may have looked before
// it was held must have ended. After WaitForOlderSnapshots in commands/indexcmds.c.
void wait_for_writers() {
    static OwnStatement prepared(
        "SELECT FROM pg_catalog.pg_prepared_xacts WHERE database OPERATOR(pg_catalog.=) pg_catalog.current_database()", {});
    if (IsolationUsesXactSnapshot())
        throw SqlError(ERRCODE_ACTIVE_SQL_TRANSACTION,
                       "export_space of a space with this clock must wait for writers, and then see what they have done", {},
                       "Call it in READ COMMITTED.");
    // They could stay for ever. Those that are prepared from now on are waited for.
    if (!prepared.run({}).empty())
        throw SqlError(ERRCODE_OBJECT_IN_USE, "a prepared transaction may have written the space", {},
                       "End the prepared transactions of this database first.");
    pg::guarded([] {
        int count;
        VirtualTransactionId* const open =
            GetCurrentVirtualXIDs(InvalidTransactionId, false, false, PROC_IS_AUTOVACUUM | PROC_IN_VACUUM, &count);
        for (int i = 0; i < count; ++i) VirtualXactLock(open[i], true);
    });
}

// Under the latest snapshot, after all writers.
pg::Value bookkeeping(pg::Value space, pg::Value users, const History& history, const CopiedTables& tables) {
    static constexpr auto sql = R"(
        SELECT pg_catalog.json_build_object(
            'format', 1,
            'move', s.held, 'space', s.id, 'clock', s.clock, 'version', s.version, 'floor', s.floor, 'collected', s.collected,
            'histories', COALESCE((
                SELECT pg_catalog.json_agg(h)
                FROM (
                    SELECT name, lsn, s.version
                    FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS u(name, lsn)
                    UNION ALL
                    SELECT name, lsn, version
                    FROM replicache.former_history
                    WHERE space OPERATOR(pg_catalog.=) s.id) h), '[]'),
            'tables', COALESCE((
                SELECT pg_catalog.json_agg(t)
                FROM (
                    SELECT u."table", u.copy_out, u.copy_in, pg_catalog.to_jsonb(t) OPERATOR(pg_catalog.-) $9 AS definition
                    FROM ROWS FROM (pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8))
                        WITH ORDINALITY AS u(relation, "table", copy_out, copy_in, n), replicache.tracked_table t
                    WHERE t.relation OPERATOR(pg_catalog.=) u.relation
                    ORDER BY u.n) t), '[]'),
            'client_groups', COALESCE((
                SELECT pg_catalog.json_agg(g)
                FROM replicache.client_group g
                WHERE g.space OPERATOR(pg_catalog.=) s.id), '[]'),
            'clients', COALESCE((
                SELECT pg_catalog.json_agg(c)
                FROM replicache.client c, replicache.client_group g
                WHERE g.space OPERATOR(pg_catalog.=) s.id
                  AND c.client_group_id OPERATOR(pg_catalog.=) g.id), '[]'),
            'forgotten_clients', COALESCE((SELECT pg_catalog.json_agg(f) FROM replicache.forgotten_client f), '[]'),
            'tombstones', COALESCE((
                SELECT pg_catalog.json_agg(t)
                FROM replicache.tombstone t
                WHERE t.space OPERATOR(pg_catalog.=) s.id
                  AND (t.relation IS NULL
                      OR pg_catalog.pg_table_is_visible(t.relation::pg_catalog.oid) IS NOT NULL)), '[]'),
            'creations', COALESCE((SELECT pg_catalog.json_agg(c) FROM replicache.creation c WHERE c.space OPERATOR(pg_catalog.=) s.id), '[]'),
            'pagings', COALESCE((SELECT pg_catalog.json_agg(p) FROM replicache.paging p WHERE p.space OPERATOR(pg_catalog.=) s.id), '[]'),
            'errors', COALESCE((SELECT pg_catalog.json_agg(e) FROM replicache.mutation_error e WHERE e.space OPERATOR(pg_catalog.=) s.id), '[]'),
            'upload_clients', COALESCE((
                SELECT pg_catalog.json_agg(c)
                FROM replicache.upload_client c
                WHERE c.user_id OPERATOR(pg_catalog.=) ANY (ARRAY(
                    SELECT CASE WHEN u IS NULL THEN '' WHEN u OPERATOR(pg_catalog.=) '' OR pg_catalog.starts_with(u, E'\001')
                        THEN E'\001' OPERATOR(pg_catalog.||) u ELSE u END
                    FROM pg_catalog.unnest($2) AS u))), '[]'))
        FROM replicache.space s
        WHERE s.id OPERATOR(pg_catalog.=) $1)";
    static OwnStatement collect(
        sql, {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, OIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
    std::vector<std::string> names;
    std::vector<std::int64_t> positions;
    for (const auto& [name, lsn] : history.pasts()) {
        names.push_back(name);
        positions.push_back(static_cast<std::int64_t>(lsn));
    }
    return collect
        .run({space, users, pg::value(pg::text_array(names)), pg::value(pg::int8_array(positions)),
              pg::value(pg::oid_array(tables.relations)), pg::value(pg::text_array(tables.names)),
              pg::value(pg::text_array(tables.copies_out)), pg::value(pg::text_array(tables.copies_in)),
              pg::value(pg::text_array(not_of_definition()))})
        .get(0, 1);
}

}  // namespace

pg::Value export_space(const std::string& id, pg::Value users) {
    PushGuard::check("export_space");
    pg::guarded([] { PreventCommandDuringRecovery("replicache.export_space()"); });  // a standby does not see who still writes
    const std::string space = canonical_space(id);
    bool locks;
    {
        pg::Table table("space", pg::Table::Access::read);
        if (!table.find_latest(space)) {
            check_is_here(space, As::committed);
            throw SqlError(ERRCODE_UNDEFINED_OBJECT, "space \"" + space + "\" does not exist");
        }
        if (!move_of(table))
            throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "space \"" + space + "\" is not held", {},
                           "Call replicache.hold_space first, in a transaction of its own.");
        if (table.is_own_change())
            throw SqlError(ERRCODE_ACTIVE_SQL_TRANSACTION, "export_space cannot follow hold_space in one transaction",
                           "Writers know that the space is held when hold_space has been committed.", "Commit first.");
        locks = clock_of(table).locks;
    }
    MemoryContext const result_context = CurrentMemoryContext;
    const pg::SpiConnection spi;
    if (!locks) wait_for_writers();
    const History history(space);
    const pg::Value exported = bookkeeping(pg::value(std::string_view(space)), users, history, copied_tables(space));
    return pg::value(pg::guarded([&] {
        MemoryContextSwitchTo(result_context);
        return datumCopy(exported.datum, false, -1);
    }));
}

}  // namespace replicache::engine
