#include "engine/ddl.h"

#include "engine/change.h"
#include "engine/exposed_table.h"
#include "engine/track.h"
#include "engine/triggers.h"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

Oid find_relation(const RangeVar* name) {
    return guarded([name] { return RangeVarGetRelid(name, NoLock, true); });
}

void on_alter_table(const AlterTableStmt* statement) {
    for (int i = 0; i < list_length(statement->cmds); ++i) {
        const auto* command = static_cast<AlterTableCmd*>(list_nth(statement->cmds, i));
        const bool attach = command->subtype == AT_AttachPartition;
        const bool detach = command->subtype == AT_DetachPartition || command->subtype == AT_DetachPartitionFinalize;
        if (!attach && !detach) continue;
        const auto table = tracked_table_of(find_relation(statement->relation));
        if (!table) return;
        if (attach) {
            add_partition_triggers(*table);
        } else if (const Oid partition = find_relation(reinterpret_cast<PartitionCmd*>(command->def)->name); partition != InvalidOid) {
            drop_triggers(partition);  // those that PostgreSQL had not cloned
        }
        adopt_rows(*table);
    }
}

}  // namespace

void on_alter(Node* command) {
    if (IsA(command, AlterTableStmt)) {
        const pg::SpiConnection spi;
        on_alter_table(reinterpret_cast<AlterTableStmt*>(command));
    } else if (IsA(command, CreateStmt)) {
        const auto* statement = reinterpret_cast<CreateStmt*>(command);
        if (statement->partbound == nullptr) return;
        const pg::SpiConnection spi;
        const Oid relation = find_relation(statement->relation);
        if (relation == InvalidOid) return;
        if (const auto table = tracked_table_of(relation)) add_partition_triggers(*table);
    }
}

void on_drop() {
    const pg::SpiConnection spi;
    const pg::AsOwner owner;
    static pg::Statement untrack(
        "DELETE FROM replicache.tracked_table WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) ANY "
        "(SELECT d.objid FROM pg_catalog.pg_event_trigger_dropped_objects() d "
        "WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid "
        "AND d.objsubid OPERATOR(pg_catalog.=) 0) RETURNING space_column IS NOT NULL",
        {});
    // A partition takes its rows along. Its trigger is dropped with it, and shows that it was part of a tracked table.
    static pg::Statement partitions(
        "SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() t "
        "JOIN pg_catalog.pg_event_trigger_dropped_objects() d "
        "ON d.object_type OPERATOR(pg_catalog.=) 'table' "
        "AND d.schema_name OPERATOR(pg_catalog.=) t.address_names[1] AND d.object_name OPERATOR(pg_catalog.=) t.address_names[2] "
        "WHERE t.object_type OPERATOR(pg_catalog.=) 'trigger' AND t.address_names[3] OPERATOR(pg_catalog.=) $1",
        {TEXTOID});
    hide_dropped_tables();
    bool untracked = false, in_any_space = false;
    const pg::Rows tables = untrack.run({});
    for (std::uint64_t i = 0; i < tables.count(); ++i) {
        untracked = true;
        in_any_space |= DatumGetBool(tables.get(i, 1).datum);
    }
    const bool any_tracked = untracked || !tracked_tables().empty();
    if (any_tracked && !partitions.run({pg::value(std::string_view(trigger_name::truncated))}).empty())
        untracked = in_any_space = true;
    if (!untracked) return;
    raise_floor(take_space(""));
    if (in_any_space) raise_floors(true);
}

}  // namespace replicache::engine
