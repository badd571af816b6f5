#include "engine/tracking/triggers.h"

#include "engine/table/exposed_table.h"
#include "engine/table/space_name.h"
#include "engine/tracking/change.h"
#include "engine/tracking/trackable.h"
#include "pg/array.h"
#include "pg/own_table.h"
#include "pg/spi.h"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "parser/parser.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::quote_identifier;
using pg::Rows;
using pg::value;

constexpr const char* after_truncate = "AFTER TRUNCATE ON t FOR EACH STATEMENT";

// Does what CREATE TRIGGER does, as the caller, who owns the table. It does not run SQL. So the owner of a partition needs no right on the
// schema of the extension, and no event trigger of others runs.
void create_trigger(Oid relation, const char* name, const std::string& when, char fires) {
    const std::string text = "CREATE TRIGGER " + quote_identifier(name) + " " + when + " EXECUTE FUNCTION on_change()";
    const Oid function = pg::own_function("on_change");
    guarded([&, text = text.c_str()] {
        auto* const statement = castNode(CreateTrigStmt, linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT))->stmt);
        const ObjectAddress trigger = CreateTriggerFiringOn(statement, text, relation, InvalidOid, InvalidOid, InvalidOid, function,
                                                            InvalidOid, nullptr, false, false, fires);
        // So that DROP EXTENSION takes the trigger along.
        ObjectAddress extension;
        ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("replicache_ext", false));
        recordDependencyOn(&trigger, &extension, DEPENDENCY_AUTO_EXTENSION);
        CommandCounterIncrement();
    });
}

void drop_trigger(Oid trigger) {
    guarded([trigger] {
        ObjectAddress address;
        ObjectAddressSet(address, TriggerRelationId, trigger);
        performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
        CommandCounterIncrement();
    });
}

// Only tables that can be resources log the creation of rows: see engine/rows/resource.h.
bool logs_creations(const TrackedTable& table) {
    return SpaceName::of(table).is_column() && !depends_on_user(table) && is_exposed(table.relation);
}

void create_creation_trigger(const TrackedTable& table, char fires) {
    create_trigger(table.relation, trigger_name::created, "AFTER INSERT ON t FOR EACH ROW", fires);
}

// When a trigger fires that replaces a trigger with this tgenabled. In a logical subscriber it may fire for replicated changes, too, but
// never only for those.
char keep(char enabled) {
    return enabled == TRIGGER_FIRES_ALWAYS || enabled == TRIGGER_FIRES_ON_REPLICA ? TRIGGER_FIRES_ALWAYS : TRIGGER_FIRES_ON_ORIGIN;
}

// Our trigger with this name: its OID and tgenabled. No row: it does not exist.
Rows find_trigger(Oid relation, const char* name) {
    static pg::Statement find(
        R"(
            SELECT oid, tgenabled
            FROM pg_catalog.pg_trigger
            WHERE tgrelid OPERATOR(pg_catalog.=) $1
              AND tgname OPERATOR(pg_catalog.=) $2::pg_catalog.name
              AND tgfoid OPERATOR(pg_catalog.=) $3
              AND tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid)",
        {OIDOID, TEXTOID, OIDOID});
    return find.run(
        {value(ObjectIdGetDatum(relation)), value(std::string_view(name)), value(ObjectIdGetDatum(pg::own_function("on_change")))},
        pg::Snapshot::latest);
}

// When our trigger of this name fires now. On origin, if it does not exist.
char firing_of(Oid relation, const char* name) {
    const Rows found = find_trigger(relation, name);
    return found.empty() ? TRIGGER_FIRES_ON_ORIGIN : keep(DatumGetChar(found.get(0, 2).datum));
}

// Whether equal values of the column are equal bytes. Equal values of numeric and citext, for one, can have different texts.
bool has_one_image(const TableColumn& column) {
    return guarded([&column] {
        switch (getBaseType(column.type)) {
            case INT2OID:
            case INT4OID:
            case INT8OID:
            case UUIDOID: return true;
            case TEXTOID:
            case VARCHAROID: return get_collation_isdeterministic(column.collation);
            default: return false;
        }
    });
}

// SQL: whether the UPDATE has changed one of the columns. It may also say so if one of them is null.
std::string is_moved(const TrackedTable& table) {
    const std::vector<TableColumn> columns = columns_of(table.relation);
    std::string condition, old_row, new_row;
    for (const std::string& name : naming_columns(table)) {
        const TableColumn* const column = find_column(columns, name);
        const std::string old_value = "OLD." + quote_identifier(name), new_value = "NEW." + quote_identifier(name);
        if (column != nullptr && has_one_image(*column)) {
            condition += (condition.empty() ? "(" : " OR (") + old_value + " OPERATOR(pg_catalog.<>) " + new_value + ") IS NOT FALSE";
        } else {
            old_row += (old_row.empty() ? "" : ", ") + old_value;
            new_row += (new_row.empty() ? "" : ", ") + new_value;
        }
    }
    // The images of the others. To make two rows and compare them costs several times as much.
    if (old_row.empty()) return condition;
    return condition + (condition.empty() ? "" : " OR ") + "pg_catalog.record_image_ne(ROW(" + old_row + "), ROW(" + new_row + "))";
}

void create_comparison(const TrackedTable& table, char fires) {
    create_trigger(table.relation, trigger_name::moved, "AFTER UPDATE ON t FOR EACH ROW WHEN (" + is_moved(table) + ")", fires);
}

}  // namespace

bool compares(Oid relation, const std::vector<std::string>& columns) {
    static pg::Statement query(
        R"(
            SELECT
            FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_attribute a
                ON a.attrelid OPERATOR(pg_catalog.=) d.refobjid AND a.attnum OPERATOR(pg_catalog.=) d.refobjsubid
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid
              AND d.objid OPERATOR(pg_catalog.=) $1
              AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
              AND d.refobjid OPERATOR(pg_catalog.=) $2
              AND a.attname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($3))",
        {OIDOID, OIDOID, TEXTARRAYOID});
    const Rows trigger = find_trigger(relation, trigger_name::moved);
    return !trigger.empty() &&
           !query
                .run({value(ObjectIdGetDatum(trigger.oid(0, 1))), value(ObjectIdGetDatum(relation)), value(pg::text_array(columns))},
                     pg::Snapshot::latest)
                .empty();
}

bool lacks_comparison(Oid relation) { return find_trigger(relation, trigger_name::moved).empty(); }

void drop_comparison(Oid relation) {
    const Rows trigger = find_trigger(relation, trigger_name::moved);
    if (!trigger.empty()) drop_trigger(trigger.oid(0, 1));
}

void create_comparison(const TrackedTable& table) {
    // The trigger for DELETE is enabled and disabled together with this one.
    create_comparison(table, firing_of(table.relation, trigger_name::deleted));
}

void create_triggers(const TrackedTable& table, const Firing& before) {
    const Oid relation = table.relation;
    const auto create = [&](const char* name, const std::string& when) { create_trigger(relation, name, when, before.of(relation, name)); };
    // INSERT needs no such trigger: it locks no row before its row trigger fires. ON CONFLICT DO UPDATE fires the triggers for UPDATE, too.
    if (table.space.empty()) create(trigger_name::lock, "BEFORE UPDATE OR DELETE ON t FOR EACH STATEMENT");
    create(trigger_name::stamp, "BEFORE INSERT OR UPDATE ON t FOR EACH ROW");
    create(trigger_name::deleted, "AFTER DELETE ON t FOR EACH ROW");
    create_comparison(table, before.of(relation, trigger_name::moved));
    create(trigger_name::truncated, after_truncate);
    add_partition_triggers(table, before);
    if (logs_creations(table)) create_creation_trigger(table, before.of(relation, trigger_name::created));
}

void add_partition_triggers(const TrackedTable& table, const Firing& before) {
    static const std::string sql =
        R"(
            SELECT p.relid
            FROM )" +
        partitions_of("$1") +
        R"(p
            WHERE NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_trigger t
                WHERE t.tgrelid OPERATOR(pg_catalog.=) p.relid AND t.tgname OPERATOR(pg_catalog.=) $2))";
    static pg::Statement missing(sql.c_str(), {OIDOID, NAMEOID});
    const Datum name = guarded([] { return DirectFunctionCall1(namein, CStringGetDatum(trigger_name::truncated)); });
    const Rows rows = missing.run({value(ObjectIdGetDatum(table.relation)), value(name)}, pg::Snapshot::latest);
    const char of_table = firing_of(table.relation, trigger_name::truncated);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const Oid partition = rows.oid(i, 1);
        const char of_partition = before.of(partition, trigger_name::truncated);
        create_trigger(partition, trigger_name::truncated, after_truncate, of_partition == TRIGGER_FIRES_ALWAYS ? of_partition : of_table);
    }
}

void provide_creation_trigger(Oid relation) {
    const Rows found = find_trigger(relation, trigger_name::created);
    const Oid trigger = found.empty() ? InvalidOid : found.oid(0, 1);
    const auto table = tracked_table(relation);
    const bool wanted = table && logs_creations(*table);
    if (wanted && !OidIsValid(trigger)) create_creation_trigger(*table, firing_of(relation, trigger_name::stamp));
    if (!wanted && OidIsValid(trigger)) drop_trigger(trigger);
}

char Firing::of(Oid relation, std::string_view name) const {
    const auto find = [&](std::string_view wanted) {
        return std::find_if(triggers.begin(), triggers.end(), [&](const Trigger& t) { return t.relation == relation && t.name == wanted; });
    };
    auto trigger = find(name);
    if (trigger == triggers.end()) trigger = find(trigger_name::stamp);  // a new trigger fires when the others do
    return trigger == triggers.end() ? TRIGGER_FIRES_ON_ORIGIN : trigger->fires;
}

Firing drop_triggers(Oid relation) {
    static const std::string sql =
        R"(
            SELECT t.oid, t.tgrelid, t.tgname::pg_catalog.text, t.tgenabled::pg_catalog.text
            FROM pg_catalog.pg_trigger t
            JOIN (
                SELECT relid
                FROM )" +
        partitions_of("$1") +
        R"(p
                UNION
                SELECT $1
            ) p ON t.tgrelid OPERATOR(pg_catalog.=) p.relid
            WHERE t.tgfoid OPERATOR(pg_catalog.=) $2
              AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid)";
    static pg::Statement triggers(sql.c_str(), {OIDOID, OIDOID});
    const Rows rows =
        triggers.run({value(ObjectIdGetDatum(relation)), value(ObjectIdGetDatum(pg::own_function("on_change")))}, pg::Snapshot::latest);
    Firing firing;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        firing.triggers.push_back({rows.oid(i, 2), pg::required(rows.text(i, 3)), keep(pg::required(rows.text(i, 4)).front())});
        drop_trigger(rows.oid(i, 1));
    }
    return firing;
}

}  // namespace replicache::engine
