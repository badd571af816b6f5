#include "engine/upkeep/epoch.h"

#include "engine/session/push_guard.h"
#include "engine/space/history.h"
#include "engine/space/space.h"
#include "pg/own_table.h"

namespace replicache::engine {

void new_epoch() {
    PushGuard::check("new_epoch");
    if (!pg::Table::exists("forgotten_client"))
        throw pg::SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the tables of replicache_ext are older than its library", {},
                           "Call ALTER EXTENSION replicache_ext UPDATE first.");
    // The number of an epoch is at least the number of hours since 2020. So when the same backup is restored twice, the two epochs differ.
    static pg::OwnStatement next(
        R"(
            INSERT INTO replicache.epoch (number)
            SELECT GREATEST(
                COALESCE(pg_catalog.max(number), 0) OPERATOR(pg_catalog.+) 1,
                pg_catalog.floor(
                    pg_catalog.date_part(
                        'epoch', pg_catalog.now() OPERATOR(pg_catalog.-) '2020-01-01 00:00:00+00'::pg_catalog.timestamptz)
                    OPERATOR(pg_catalog./) 3600)::pg_catalog.int8)
            FROM replicache.epoch
            RETURNING number)",
        {});
    static pg::OwnStatement spaces("SELECT id FROM replicache.space ORDER BY id", {});
    // A forgotten client may come back and push again what it got no answer to. Its id is kept, so that it is known then.
    static pg::OwnStatement forget_clients(
        R"(
            WITH gone AS (
                DELETE FROM replicache.client
                RETURNING id)
            INSERT INTO replicache.forgotten_client (id)
            SELECT id
            FROM gone
            ON CONFLICT DO NOTHING)",
        {});
    static pg::OwnStatement forget_groups("DELETE FROM replicache.client_group", {});
    static pg::OwnStatement forget_newest_views("DELETE FROM replicache.client_view", {});
    static pg::OwnStatement forget_views("DELETE FROM replicache.view_record", {});
    static pg::OwnStatement forget_histories("DELETE FROM replicache.former_history", {});
    const pg::SpiConnection spi;
    const std::int64_t epoch = next.run({}).int8(0, 1);
    const pg::Rows rows = spaces.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        pg::check_interrupts();
        Space& space = take_space(pg::required(rows.text(i, 1)));
        space.clock->begin_epoch(space, epoch);
        raise_floor(space);
    }
    forget_clients.run({});
    forget_groups.run({});
    if (pg::Table::exists("view_record")) {  // no cookie that names one is accepted any more
        forget_newest_views.run({});
        forget_views.run({});
    }
    if (pg::Table::exists("former_history")) forget_histories.run({});
    renew_origin();
}

}  // namespace replicache::engine
