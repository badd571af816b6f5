#include "engine/upkeep/removable.h"

#include "engine/space/clock.h"

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::Value;

// As collect_garbage: first the foreign ones go, and then those that are old, with all before them in the same space.
std::int64_t count_tombstones(Value cutoff) {
    static const std::string sql =
        R"(
            WITH old AS (
                SELECT s.id, s.clock, pg_catalog.max(t.version) AS version
                FROM replicache.tombstone t, replicache.space s
                WHERE t.at OPERATOR(pg_catalog.<=) $1
                  AND t.space OPERATOR(pg_catalog.=) s.id
                  AND NOT ()" +
        is_foreign() + R"()
                  AND pg_catalog.to_jsonb(s) OPERATOR(pg_catalog.->>) 'held' IS NULL)" +
        and_removable("s") + R"(
                GROUP BY s.id)
            SELECT pg_catalog.count(*)
            FROM replicache.tombstone t
            JOIN replicache.space s ON s.id OPERATOR(pg_catalog.=) t.space
            LEFT JOIN old ON old.id OPERATOR(pg_catalog.=) s.id
            WHERE ()" +
        is_foreign() + R"()
               OR (t.version OPERATOR(pg_catalog.<=) old.version)" +
        and_removable("old") + ")";
    static OwnStatement count(sql.c_str(), {TIMESTAMPTZOID});
    return count.run({cutoff}).int8(0, 1);
}

}  // namespace

std::string and_removable(const std::string& space) {
    std::string sql;
    for (const Clock* const clock : clocks())
        if (clock->removable != nullptr)
            sql += " AND (" + space + ".clock OPERATOR(pg_catalog.<>) '" + clock->name + "' OR " + clock->removable + ")";
    return sql;
}

std::string is_foreign() {
    std::string sql = "FALSE";
    for (const Clock* const clock : clocks())
        if (clock->foreign != nullptr)
            sql += " OR (s.clock OPERATOR(pg_catalog.=) '" + std::string(clock->name) + "' AND " + clock->foreign + ")";
    return sql;
}

Garbage count_garbage(Value cutoff) {
    static OwnStatement count(
        R"(
            SELECT
                (SELECT pg_catalog.count(*) FROM replicache.client WHERE last_seen OPERATOR(pg_catalog.<=) $1),
                (SELECT pg_catalog.count(*)
                 FROM replicache.client_group g
                 WHERE NOT EXISTS (
                     SELECT
                     FROM replicache.client c
                     WHERE c.client_group_id OPERATOR(pg_catalog.=) g.id
                       AND c.last_seen OPERATOR(pg_catalog.>) $1)),
                (SELECT pg_catalog.count(*) FROM replicache.mutation_error WHERE at OPERATOR(pg_catalog.<=) $1))",
        {TIMESTAMPTZOID});
    const pg::Rows rows = count.run({cutoff});
    return {
        .clients = rows.int8(0, 1), .client_groups = rows.int8(0, 2), .tombstones = count_tombstones(cutoff), .errors = rows.int8(0, 3)};
}

}  // namespace replicache::engine
