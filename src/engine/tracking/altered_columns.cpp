#include "engine/tracking/altered_columns.h"

#include "engine/session/failure.h"
#include "engine/tracking/all_rows.h"
#include "engine/tracking/change.h"
#include "engine/tracking/table_view.h"
#include "engine/tracking/track.h"
#include "engine/tracking/trackable.h"
#include "engine/tracking/triggers.h"
#include "pg/compat.h"
#include "pg/identity.h"
#include "pg/subtransaction.h"

extern "C" {
#include "catalog/namespace.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// Tables whose comparing trigger was dropped and must be created again. A table whose command failed may stay in this set: the rollback
// has brought its trigger back.
std::unordered_set<Oid> waiting;

std::vector<std::string> columns_in(const AlterTableStmt* statement, AlterTableType what) {
    std::vector<std::string> columns;
    for (int i = 0; i < list_length(statement->cmds); ++i) {
        const auto* command = static_cast<AlterTableCmd*>(list_nth(statement->cmds, i));
        if (command->subtype == what) columns.push_back(command->name);
    }
    return columns;
}

Oid relation_of(const RangeVar* name) {
    return guarded([name] { return RangeVarGetRelid(name, NoLock, true); });
}

// What a command has done to the columns of a table.
struct Altered {
    const RangeVar* table = nullptr;  // null: the command does not matter here
    bool types = false;               // it has changed the type of a column
};

Altered altered_by(const Node* command) {
    if (IsA(command, RenameStmt)) {
        const auto* statement = reinterpret_cast<const RenameStmt*>(command);
        return {statement->renameType == OBJECT_COLUMN && statement->relationType == OBJECT_TABLE ? statement->relation : nullptr, false};
    }
    if (!IsA(command, AlterTableStmt)) return {};
    const auto* statement = reinterpret_cast<const AlterTableStmt*>(command);
    const bool types = !columns_in(statement, AT_AlterColumnType).empty();
    return {types || !columns_in(statement, AT_DropColumn).empty() ? statement->relation : nullptr, types};
}

bool has_naming_columns(const TrackedTable& table) {
    const std::vector<TableColumn> columns = columns_of(table.relation);
    const std::vector<std::string> needed = naming_columns(table);
    return std::all_of(needed.begin(), needed.end(), [&columns](const std::string& name) { return find_column(columns, name) != nullptr; });
}

// Checks as the table's owner, because the analysis of an expression may run code. As the owner, only pg_catalog is on the search_path. So
// a function that is not found there proves nothing, and only a missing column counts.
std::optional<pg::PgError> fault_of(const TrackedTable& table) {
    Relation const relation = guarded([&table] { return relation_open(table.relation, NoLock); });
    const bool own = relation->rd_rel->relowner == GetUserId();
    auto error = pg::attempt([&] {
        std::optional<pg::AsTableOwner> owner;
        if (!own) owner.emplace(relation);
        TableView(table).check();
    });
    guarded([relation] { relation_close(relation, NoLock); });
    if (!error) return std::nullopt;
    if (sqlstate::scope_of(error->sqlerrcode()) != Scope::mutation) throw std::move(*error);
    if (!sqlstate::is_about_definition(error->sqlerrcode()) || (!own && error->sqlerrcode() != ERRCODE_UNDEFINED_COLUMN))
        return std::nullopt;
    return error;
}

void warn_of_fault(const TrackedTable& table) {
    const auto error = fault_of(table);
    if (!error) return;
    guarded([message = error->data().message, name = pg::qualified_name(table.relation).c_str()] {
        ereport(WARNING, (errmsg("clients cannot pull any more: %s", message),
                          errdetail("Every pull fails until %s is tracked with options that fit it.", name),
                          errhint("Call replicache.track_table, if possible in the same transaction, or call replicache.untrack_table.")));
    });
}

}  // namespace

void before_columns_change(const AlterTableStmt* statement) {
    const std::vector<std::string> columns = columns_in(statement, AT_AlterColumnType);
    if (columns.empty()) return;
    const Oid relation = relation_of(statement->relation);
    waiting.erase(relation);
    const pg::SpiConnection spi;
    const auto table = OidIsValid(relation) ? tracked_table(relation) : std::nullopt;
    // PostgreSQL refuses the command itself when the caller does not own the table.
    if (!table || !guarded([relation] { return pg::owns_relation(relation); }) || !compares(relation, columns)) return;
    raise_floors(!table->space.empty());  // takes the spaces before the table's lock, as pushes do
    guarded([relation] { LockRelationOid(relation, AccessExclusiveLock); });
    if (relation_of(statement->relation) != relation) return;  // renamed meanwhile: PostgreSQL refuses the command
    drop_comparison(relation);
    waiting.insert(relation);
}

void after_columns_changed(const Node* command) {
    const Altered altered = altered_by(command);
    if (altered.table == nullptr) return;
    const Oid relation = relation_of(altered.table);
    const auto table = OidIsValid(relation) ? tracked_table(relation) : std::nullopt;
    if (!table) return;
    if (altered.types && waiting.erase(relation) > 0 && lacks_comparison(relation) && has_naming_columns(*table)) {
        check_trackable(*table, columns_of(relation));
        const TableView view(*table);
        create_comparison(*table);
        if (!table->space.empty()) adopt_rows(*table, relation);  // they may be in other spaces now
    }
    warn_of_fault(*table);
}

}  // namespace replicache::engine
