#include "engine/tracking/dropped.h"

#include "engine/table/tracked_table.h"
#include "engine/tracking/change.h"
#include "pg/own_table.h"
#include "pg/spi.h"

namespace replicache::engine {

bool forget_if_dropped(Oid relation) {
    if (pg::guarded([relation] { return get_rel_name(relation) != nullptr; })) return false;
    const auto table = tracked_table(relation);
    if (!table) return false;
    forget(relation);
    raise_floors(!table->space.empty());
    return true;
}

// A function that is null if there is no such table. It asks the catalog cache: another module may hide tables from queries of pg_class.
void forget_dropped_tables() {
    static pg::OwnStatement exposed(
        R"(
            DELETE FROM replicache.exposed_table e
            WHERE pg_catalog.pg_table_is_visible(e.relation::pg_catalog.oid) IS NULL)",
        {});
    static pg::OwnStatement any_exposed(
        R"(
            SELECT
            FROM replicache.exposed_table e
            WHERE pg_catalog.pg_table_is_visible(e.relation::pg_catalog.oid) IS NULL)",
        {});
    if (!any_exposed.run({}).empty()) {  // a DELETE makes every backend read the registry again
        exposed.run({});
        pg::tell_of_change("exposed_table");
    }
    for (const TrackedTable& table : tracked_tables()) forget_if_dropped(table.relation);
}

}  // namespace replicache::engine
