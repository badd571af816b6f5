#include "engine/triggers.h"

#include "engine/change.h"
#include "engine/exposed_table.h"
#include "pg/spi.h"

namespace replicache::engine {
namespace {

using pg::AsOwner;
using pg::guarded;
using pg::qualified_name;
using pg::quote_identifier;
using pg::quote_literal;
using pg::Rows;
using pg::run_once;
using pg::value;

std::string trigger_call(const TrackedTable& table) {
    return " EXECUTE FUNCTION replicache.on_change(" + quote_literal(table.version) + ", " + quote_literal(table.space) + ", " +
           quote_literal(table.key) + ")";
}

void create_trigger(const TrackedTable& table, Oid relation, const char* name, const std::string& when) {
    const std::string trigger = quote_identifier(name) + " ";
    const std::string on = " ON " + qualified_name(relation);
    const auto [event, rest] = [&when] {
        const std::size_t split = when.find(" FOR EACH");
        return std::pair(when.substr(0, split), when.substr(split));
    }();
    run_once("CREATE TRIGGER " + trigger + event + on + rest + trigger_call(table));
    // So that DROP EXTENSION takes the trigger along.
    run_once("ALTER TRIGGER " + trigger + on + " DEPENDS ON EXTENSION replicache_ext");
}

bool logs_creations(const TrackedTable& table) { return !table.space.empty() && is_exposed(table.relation); }

void create_creation_trigger(const TrackedTable& table) {
    const AsOwner owner;
    create_trigger(table, table.relation, trigger_name::created, "AFTER INSERT FOR EACH ROW");
}

}  // namespace

void create_triggers(const TrackedTable& table, const KeyTemplate& key) {
    std::vector<std::string> identity = key.columns();
    if (!table.space.empty()) identity.push_back(table.space);
    std::string old_row, new_row;
    for (const std::string& column : identity) {
        old_row += (old_row.empty() ? "OLD." : ", OLD.") + quote_identifier(column);
        new_row += (new_row.empty() ? "NEW." : ", NEW.") + quote_identifier(column);
    }
    const AsOwner owner;
    // An INSERT locks nothing before its row trigger fires; ON CONFLICT DO UPDATE fires triggers for UPDATE, too.
    if (table.space.empty())
        create_trigger(table, table.relation, trigger_name::lock, "BEFORE UPDATE OR DELETE FOR EACH STATEMENT");
    create_trigger(table, table.relation, trigger_name::stamp, "BEFORE INSERT OR UPDATE FOR EACH ROW");
    create_trigger(table, table.relation, trigger_name::deleted, "AFTER DELETE FOR EACH ROW");
    // Compared as images: equal values of some types have different texts (citext, numeric).
    create_trigger(table, table.relation, trigger_name::moved,
                   "AFTER UPDATE FOR EACH ROW WHEN (pg_catalog.record_image_ne(ROW(" + old_row + "), ROW(" + new_row + ")))");
    create_trigger(table, table.relation, trigger_name::truncated, "AFTER TRUNCATE FOR EACH STATEMENT");
    add_partition_triggers(table);
    if (logs_creations(table)) create_creation_trigger(table);
}

void add_partition_triggers(const TrackedTable& table) {
    static pg::Statement missing(
        "SELECT p.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree($1) p "
        "WHERE p.parentrelid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t "
        "WHERE t.tgrelid OPERATOR(pg_catalog.=) p.relid::pg_catalog.oid AND t.tgname OPERATOR(pg_catalog.=) $2)",
        {REGCLASSOID, NAMEOID});
    const AsOwner owner;
    const Datum name = guarded([] { return DirectFunctionCall1(namein, CStringGetDatum(trigger_name::truncated)); });
    const Rows rows = missing.run({value(ObjectIdGetDatum(table.relation)), value(name)});
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        create_trigger(table, rows.oid(i, 1), trigger_name::truncated, "AFTER TRUNCATE FOR EACH STATEMENT");
}

void provide_creation_trigger(Oid relation) {
    static pg::Statement find(
        "SELECT FROM pg_catalog.pg_trigger WHERE tgrelid OPERATOR(pg_catalog.=) $1 AND tgname OPERATOR(pg_catalog.=) $2 "
        "AND tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid",
        {OIDOID, NAMEOID});
    const Datum name = guarded([] { return DirectFunctionCall1(namein, CStringGetDatum(trigger_name::created)); });
    const bool is_there = !find.run({value(ObjectIdGetDatum(relation)), value(name)}).empty();
    const auto table = tracked_table(relation);
    const bool wanted = table && logs_creations(*table);
    if (wanted && !is_there) create_creation_trigger(*table);
    if (!is_there || wanted) return;
    const AsOwner owner;
    run_once("DROP TRIGGER " + quote_identifier(trigger_name::created) + " ON " + qualified_name(relation));
}

void drop_triggers(Oid relation) {
    static pg::Statement triggers(
        "SELECT p.relid::pg_catalog.oid, t.tgname::pg_catalog.text FROM pg_catalog.pg_trigger t "
        "JOIN (SELECT relid FROM pg_catalog.pg_partition_tree($1) UNION SELECT $1) p "
        "ON t.tgrelid OPERATOR(pg_catalog.=) p.relid::pg_catalog.oid "
        "WHERE t.tgfoid OPERATOR(pg_catalog.=) 'replicache.on_change()'::pg_catalog.regprocedure::pg_catalog.oid "
        "AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid",
        {REGCLASSOID});
    const AsOwner owner;
    const Rows rows = triggers.run({value(ObjectIdGetDatum(relation))});
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        run_once("DROP TRIGGER " + quote_identifier(*rows.text(i, 2)) + " ON " + qualified_name(rows.oid(i, 1)));
}

}  // namespace replicache::engine
