#include "engine/tracking/ddl.h"

#include "engine/table/exposed_table.h"
#include "engine/tracking/all_rows.h"
#include "engine/tracking/altered_columns.h"
#include "engine/tracking/change.h"
#include "engine/tracking/track.h"
#include "engine/tracking/tracking_faults.h"
#include "engine/tracking/triggers.h"
#include "pg/array.h"
#include "pg/own_table.h"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;
using pg::value;

std::vector<Oid> oids(const pg::Rows& rows) {
    std::vector<Oid> result;
    for (std::uint64_t i = 0; i < rows.count(); ++i) result.push_back(rows.oid(i, 1));
    return result;
}

// The tables that the command has created or altered. Tables of CREATE SCHEMA are included, tables of the extension are not. The query
// compares OIDs, because a name may mean another table after the command.
std::vector<Oid> altered_tables() {
    static pg::Statement query(
        R"(
            SELECT DISTINCT objid
            FROM pg_catalog.pg_event_trigger_ddl_commands()
            WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
              AND object_type OPERATOR(pg_catalog.=) 'table'
              AND schema_name OPERATOR(pg_catalog.<>) 'replicache')",
        {});
    return oids(query.run({}));
}

// One of these tables may have got the name that a tracked table had. Then every backend reads the registry again, and check_tracking
// decides what it means.
void note_names(const std::vector<Oid>& relations) {
    if (!knows_names()) return;
    static pg::OwnStatement query(
        R"(
            SELECT
            FROM replicache.tracked_table
            WHERE pg_catalog.to_regclass(table_name)::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ($1)
              AND relation::pg_catalog.oid OPERATOR(pg_catalog.<>) pg_catalog.to_regclass(table_name)::pg_catalog.oid)",
        {OIDARRAYOID});
    if (query.run({value(pg::oid_array(relations))}).empty()) return;
    guarded([registry = pg::own_relation("tracked_table")] { CacheInvalidateRelcacheByRelid(registry); });
}

void on_new_partition(Oid relation) {
    const auto table = tracked_table_of(relation);
    if (!table) return;
    add_partition_triggers(*table);
    note_partitions(table->relation);
}

// Whether changes may have gone unnoticed until this command. Our triggers may have been disabled, or a crash may have emptied the table
// while it was unlogged.
bool ends_silence(const AlterTableCmd* command) {
    switch (command->subtype) {
        case AT_EnableTrigAll:
        case AT_EnableTrigUser:
        case AT_SetLogged: return true;
        case AT_EnableTrig:
        case AT_EnableAlwaysTrig: return std::string_view(command->name).starts_with("~replicache_");
        default: return false;
    }
}

void on_alter_table(const AlterTableStmt* statement, Oid relation) {
    for (int i = 0; i < list_length(statement->cmds); ++i) {
        const auto* command = static_cast<AlterTableCmd*>(list_nth(statement->cmds, i));
        const bool attach = command->subtype == AT_AttachPartition;
        const bool detach = command->subtype == AT_DetachPartition || command->subtype == AT_DetachPartitionFinalize;
        const bool unnoticed = ends_silence(command);
        if (!attach && !detach && !unnoticed) continue;
        const auto table = tracked_table_of(relation);
        if (!table) return;
        if (unnoticed) {
            raise_floors(!table->space.empty());
            continue;
        }
        const RangeVar* const name = reinterpret_cast<PartitionCmd*>(command->def)->name;
        const Oid partition = guarded([name] { return RangeVarGetRelid(name, NoLock, true); });
        if (attach) {
            on_new_partition(partition);
            adopt_rows(*table, partition);
            continue;
        }
        if (OidIsValid(partition)) drop_triggers(partition);  // PostgreSQL removes only the triggers that it has cloned
        note_partitions(table->relation);
        raise_floors(!table->space.empty());
    }
}

bool is_temporary(const Node* command) {
    if (!IsA(command, CreateStmt)) return false;
    const auto* statement = reinterpret_cast<const CreateStmt*>(command);
    return statement->relation->relpersistence == RELPERSISTENCE_TEMP && statement->partbound == nullptr;
}

// The tracked tables that are dropped, or that lose a partition with its rows. Columns:
// - the OID;
// - whether the table itself is dropped;
// - whether its rows can be in any space;
// - its name, if the name now belongs to a table that is not tracked.
pg::Rows tables_that_lose(const std::vector<Oid>& dropped) {
    static pg::OwnStatement by_table(
        R"(
            SELECT relation::pg_catalog.oid, true, space_column IS NOT NULL, NULL::pg_catalog.text
            FROM replicache.tracked_table
            WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ($1))",
        {OIDARRAYOID});
    static pg::OwnStatement by_partition(
        R"(
            SELECT
                relation::pg_catalog.oid,
                relation::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ($1),
                space_column IS NOT NULL,
                CASE
                    WHEN EXISTS (
                        SELECT
                        FROM pg_catalog.pg_class c
                        WHERE c.oid OPERATOR(pg_catalog.=) n.holder
                          AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[]))
                     AND NOT EXISTS (
                        SELECT
                        FROM replicache.tracked_table o
                        WHERE o.relation::pg_catalog.oid OPERATOR(pg_catalog.=) n.holder)
                    THEN table_name
                END
            FROM replicache.tracked_table
            CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(table_name)::pg_catalog.oid AS holder) n
            WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ($1)
               OR partitions::pg_catalog.oid[] OPERATOR(pg_catalog.&&) $1)",
        {OIDARRAYOID});
    return (knows_names() ? by_partition : by_table).run({value(pg::oid_array(dropped))}, pg::Snapshot::latest);
}

void on_drop_of(const std::vector<Oid>& relations) {
    const pg::Rows tables = tables_that_lose(relations);
    bool in_any_space = false;
    for (std::uint64_t i = 0; i < tables.count(); ++i) {
        const Oid relation = tables.oid(i, 1);
        in_any_space |= DatumGetBool(tables.get(i, 3).datum);
        if (!DatumGetBool(tables.get(i, 2).datum)) {
            note_partitions(relation);
            continue;
        }
        // The rows may be in the other table now. Clients would drop all of them, and nothing would tell why.
        if (const auto name = tables.text(i, 4))
            throw SqlError(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot drop a tracked table while another table has its name " + *name,
                "The other table is not tracked.",
                "Call replicache.untrack_table for the table that is to be dropped, then replicache.track_table for the other one.");
        forget(relation);
    }
    if (tables.empty()) return;
    raise_floor(take_space(""));
    if (in_any_space) raise_floors(true);
}

// An index or a constraint was dropped that kept keys apart. From now on there may be two rows with one key. When one of them is deleted,
// clients would drop the entry of the other one. Until the keys are safe again, pulls fail, so no cookie comes after this floor.
void on_unsafe_keys() {
    const std::vector<Oid> tables = tables_with_unsafe_keys();
    if (tables.empty()) return;
    bool in_any_space = false;
    for (const Oid relation : tables) in_any_space |= !tracked_table(relation)->space.empty();
    raise_floors(in_any_space);
}

}  // namespace

void before_alter(Node* command) {
    if (IsA(command, AlterTableStmt)) before_columns_change(reinterpret_cast<AlterTableStmt*>(command));
}

void on_alter(Node* command) {
    if (is_temporary(command)) return;
    const pg::SpiConnection spi;
    after_columns_changed(command);
    const std::vector<Oid> relations = altered_tables();
    if (relations.empty()) return;
    for (const Oid relation : relations)
        if (IsA(command, AlterTableStmt))
            on_alter_table(reinterpret_cast<AlterTableStmt*>(command), relation);
        else if (guarded([relation] { return get_rel_relispartition(relation); }))
            on_new_partition(relation);
    note_names(relations);
}

void on_drop() {
    const pg::SpiConnection spi;
    static pg::Statement dropped(
        R"(
            SELECT d.objid
            FROM pg_catalog.pg_event_trigger_dropped_objects() d
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
              AND d.objsubid OPERATOR(pg_catalog.=) 0)",
        {});
    static pg::Statement keeps_keys_apart(
        R"(
            SELECT
            FROM pg_catalog.pg_event_trigger_dropped_objects() d
            WHERE d.object_type OPERATOR(pg_catalog.=) ANY ('{index,"table constraint"}')
              AND NOT d.is_temporary
            LIMIT 1)",
        {});
    const std::vector<Oid> relations = oids(dropped.run({}));
    if (!relations.empty()) {
        hide_tables(relations);
        on_drop_of(relations);
    }
    if (!keeps_keys_apart.run({}).empty()) on_unsafe_keys();
}

}  // namespace replicache::engine
