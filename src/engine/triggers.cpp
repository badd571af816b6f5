#include "engine/triggers.h"

#include "engine/change.h"
#include "engine/exposed_table.h"
#include "engine/space_name.h"
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

// As the caller, who owns the table, does CREATE TRIGGER. Not by SQL: the owner of a partition needs no right on the schema of the extension
// then, and no event trigger of others runs.
void create_trigger(Oid relation, const char* name, const std::string& when) {
    const std::string text = "CREATE TRIGGER " + quote_identifier(name) + " " + when + " EXECUTE FUNCTION on_change()";
    const Oid function = pg::own_function("on_change");
    guarded([&, text = text.c_str()] {
        auto* const statement = castNode(CreateTrigStmt, linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT))->stmt);
        const ObjectAddress trigger =
            CreateTrigger(statement, text, relation, InvalidOid, InvalidOid, InvalidOid, function, InvalidOid, nullptr, false, false);
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

// Of those that can be resources: see resource.h.
bool logs_creations(const TrackedTable& table) { return SpaceName::of(table).is_column() && is_exposed(table.relation); }

void create_creation_trigger(const TrackedTable& table) {
    create_trigger(table.relation, trigger_name::created, "AFTER INSERT ON t FOR EACH ROW");
}

}  // namespace

void create_triggers(const TrackedTable& table, const KeyTemplate& key) {
    std::vector<std::string> identity = key.columns();
    for (const std::string& column : SpaceName::of(table).columns()) identity.push_back(column);
    std::string old_row, new_row;
    for (const std::string& column : identity) {
        old_row += (old_row.empty() ? "OLD." : ", OLD.") + quote_identifier(column);
        new_row += (new_row.empty() ? "NEW." : ", NEW.") + quote_identifier(column);
    }
    const Oid relation = table.relation;
    // An INSERT locks nothing before its row trigger fires; ON CONFLICT DO UPDATE fires triggers for UPDATE, too.
    if (table.space.empty()) create_trigger(relation, trigger_name::lock, "BEFORE UPDATE OR DELETE ON t FOR EACH STATEMENT");
    create_trigger(relation, trigger_name::stamp, "BEFORE INSERT OR UPDATE ON t FOR EACH ROW");
    create_trigger(relation, trigger_name::deleted, "AFTER DELETE ON t FOR EACH ROW");
    // Compared as images: equal values of some types have different texts (citext, numeric).
    create_trigger(relation, trigger_name::moved,
                   "AFTER UPDATE ON t FOR EACH ROW WHEN (pg_catalog.record_image_ne(ROW(" + old_row + "), ROW(" + new_row + ")))");
    create_trigger(relation, trigger_name::truncated, after_truncate);
    add_partition_triggers(table);
    if (logs_creations(table)) create_creation_trigger(table);
}

void add_partition_triggers(const TrackedTable& table) {
    static const std::string sql =
        "SELECT p.relid FROM " + partitions_of("$1") + "p WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t "
        "WHERE t.tgrelid OPERATOR(pg_catalog.=) p.relid AND t.tgname OPERATOR(pg_catalog.=) $2)";
    static pg::Statement missing(sql.c_str(), {OIDOID, NAMEOID});
    const Datum name = guarded([] { return DirectFunctionCall1(namein, CStringGetDatum(trigger_name::truncated)); });
    const Rows rows = missing.run({value(ObjectIdGetDatum(table.relation)), value(name)}, pg::Snapshot::latest);
    for (std::uint64_t i = 0; i < rows.count(); ++i) create_trigger(rows.oid(i, 1), trigger_name::truncated, after_truncate);
}

void provide_creation_trigger(Oid relation) {
    static pg::Statement find(
        "SELECT oid FROM pg_catalog.pg_trigger WHERE tgrelid OPERATOR(pg_catalog.=) $1 AND tgname OPERATOR(pg_catalog.=) $2::pg_catalog.name "
        "AND tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid",
        {OIDOID, TEXTOID});
    const Rows found = find.run({value(ObjectIdGetDatum(relation)), value(std::string_view(trigger_name::created))});
    const Oid trigger = found.empty() ? InvalidOid : found.oid(0, 1);
    const auto table = tracked_table(relation);
    const bool wanted = table && logs_creations(*table);
    if (wanted && !OidIsValid(trigger)) create_creation_trigger(*table);
    if (!wanted && OidIsValid(trigger)) drop_trigger(trigger);
}

void drop_triggers(Oid relation) {
    static const std::string sql =
        "SELECT t.oid FROM pg_catalog.pg_trigger t JOIN (SELECT relid FROM " + partitions_of("$1") + "p UNION SELECT $1) p "
        "ON t.tgrelid OPERATOR(pg_catalog.=) p.relid WHERE t.tgfoid OPERATOR(pg_catalog.=) $2 AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid";
    static pg::Statement triggers(sql.c_str(), {OIDOID, OIDOID});
    const Rows rows = triggers.run({value(ObjectIdGetDatum(relation)), value(ObjectIdGetDatum(pg::own_function("on_change")))}, pg::Snapshot::latest);
    for (std::uint64_t i = 0; i < rows.count(); ++i) drop_trigger(rows.oid(i, 1));
}

}  // namespace replicache::engine
