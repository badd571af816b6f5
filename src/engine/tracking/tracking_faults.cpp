#include "engine/tracking/tracking_faults.h"

#include "engine/table/tracked_table.h"
#include "engine/tracking/change.h"
#include "engine/tracking/trackable.h"
#include "pg/array.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"
#include "pg/spi.h"

namespace replicache::engine {
namespace {

using pg::SqlError;
using pg::value;

pg::Validity validity;
std::vector<Oid> relations;  // that were looked at, sorted

const pg::RelationListener relation_listener([](Oid relation) noexcept {
    if (pg::is_among(relation, relations)) validity.end();
});
const pg::CatalogListener schema_listener(NAMESPACEOID, []() noexcept { validity.end(); });

// The tracked tables and their partitions as part, with the tracked table as root. All by one snapshot: the triggers of a partition that
// comes at the same time come with it.
std::string with_parts() {
    return R"(
            WITH part AS (
                SELECT relation::pg_catalog.oid AS root, relation::pg_catalog.oid AS relid
                FROM replicache.tracked_table
                UNION ALL
                SELECT r.relation::pg_catalog.oid, p.relid
                FROM replicache.tracked_table r
                JOIN pg_catalog.pg_class k ON k.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
                    AND k.relkind OPERATOR(pg_catalog.=) 'p'
                CROSS JOIN LATERAL )" +
           partitions_of("r.relation::pg_catalog.oid") + "p) ";
}

// The registry, the tracked tables and their partitions.
std::vector<Oid> all_relations() {
    static const std::string sql = with_parts() + "SELECT relid FROM part UNION SELECT $1";
    static pg::OwnStatement query(sql.c_str(), {OIDOID});
    const pg::Rows rows = query.run({value(ObjectIdGetDatum(pg::own_relation("tracked_table")))}, pg::Snapshot::latest);
    std::vector<Oid> result;
    for (std::uint64_t i = 0; i < rows.count(); ++i) result.push_back(rows.oid(i, 1));
    std::sort(result.begin(), result.end());
    return result;
}

[[noreturn]] void refuse(const std::string& problem, const std::string& detail, const std::string& hint) {
    throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, problem, detail, hint);
}

constexpr const char* unnoticed = "Its changes go unnoticed.";

std::string call(const char* function, const std::string& table) {
    return "replicache." + std::string(function) + "(" + pg::quote_literal(table) + ")";
}

void check_dropped() {
    static pg::OwnStatement query(
        R"(
            SELECT r.relation::pg_catalog.oid::pg_catalog.text
            FROM replicache.tracked_table r
            WHERE NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_class c
                WHERE c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid)
            LIMIT 1)",
        {});
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    if (rows.empty()) return;
    refuse("a tracked table, with the OID " + *rows.text(0, 1) + ", was dropped while event triggers were off",
           "Its rows are gone, and clients have not been told.", "Call " + call("untrack_table", *rows.text(0, 1)) + ".");
}

void check_partitions() {
    static pg::OwnStatement query(
        R"(
            SELECT r.relation::pg_catalog.oid, part::pg_catalog.oid::pg_catalog.regclass::pg_catalog.text
            FROM replicache.tracked_table r
            CROSS JOIN LATERAL pg_catalog.unnest(r.partitions) part
            WHERE NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_inherits i
                WHERE i.inhrelid OPERATOR(pg_catalog.=) part::pg_catalog.oid)
            LIMIT 1)",
        {});
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    if (rows.empty()) return;
    const std::string table = pg::qualified_name(rows.oid(0, 1));
    refuse("tracked table " + table + " has lost its partition " + *rows.text(0, 2) + " while event triggers were off",
           "The rows of the partition are gone, and clients have not been told.", "Call " + call("retrack", table) + ".");
}

void check_triggers() {
    static const std::string sql = with_parts() +
                                   R"(
            SELECT p.root, p.relid, n.name
            FROM part p
            JOIN replicache.tracked_table r ON r.relation::pg_catalog.oid OPERATOR(pg_catalog.=) p.root
            CROSS JOIN LATERAL pg_catalog.unnest($1) AS n(name)
            WHERE NOT (
                n.name OPERATOR(pg_catalog.=) $2
                AND (r.space_column IS NOT NULL OR p.relid OPERATOR(pg_catalog.<>) p.root))
              AND NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_trigger t
                WHERE t.tgrelid OPERATOR(pg_catalog.=) p.relid
                  AND t.tgname OPERATOR(pg_catalog.=) n.name
                  AND t.tgfoid OPERATOR(pg_catalog.=) $3
                  AND t.tgenabled OPERATOR(pg_catalog.=) ANY ('{O,A}'::pg_catalog."char"[]))
            LIMIT 1)";
    static pg::OwnStatement query(sql.c_str(), {TEXTARRAYOID, TEXTOID, OIDOID});
    const pg::Rows rows = query.run({value(pg::text_array({trigger_name::lock, trigger_name::stamp, trigger_name::deleted,
                                                           trigger_name::moved, trigger_name::truncated})),
                                     value(std::string_view(trigger_name::lock)), value(ObjectIdGetDatum(pg::own_function("on_change")))},
                                    pg::Snapshot::latest);
    if (rows.empty()) return;
    const std::string table = pg::qualified_name(rows.oid(0, 1));
    refuse("tracked table " + pg::qualified_name(rows.oid(0, 2)) + " has lost its triggers",
           std::string(unnoticed) + " The trigger " + pg::quote_identifier(*rows.text(0, 3)) + " is missing or disabled.",
           "Call " + call("retrack", table) + ".");
}

// A crash empties them.
void check_logged() {
    static const std::string sql = with_parts() +
                                   R"(
            SELECT p.root, p.relid
            FROM part p
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.relid
            WHERE c.relpersistence OPERATOR(pg_catalog.<>) 'p'
            LIMIT 1)";
    static pg::OwnStatement query(sql.c_str(), {});
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    if (rows.empty()) return;
    const Oid root = rows.oid(0, 1), part = rows.oid(0, 2);
    refuse((root == part ? "tracked table " : "partition ") + pg::qualified_name(part) +
               (root == part ? "" : " of tracked table " + pg::qualified_name(root)) + " is unlogged",
           "A crash of the server would empty it, and clients would keep its rows.",
           "Call ALTER TABLE " + pg::qualified_name(part) + " SET LOGGED.");
}

// A view of the name may well be of the table.
void check_names() {
    static pg::OwnStatement query(
        R"(
            SELECT r.relation::pg_catalog.oid, r.table_name
            FROM replicache.tracked_table r
            CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(r.table_name)::pg_catalog.oid AS holder) n
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) n.holder
                AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
            WHERE n.holder OPERATOR(pg_catalog.<>) r.relation::pg_catalog.oid
              AND NOT EXISTS (
                SELECT
                FROM replicache.tracked_table o
                WHERE o.relation::pg_catalog.oid OPERATOR(pg_catalog.=) n.holder)
            LIMIT 1)",
        {});
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    if (rows.empty()) return;
    const std::string table = pg::qualified_name(rows.oid(0, 1)), name = *rows.text(0, 2);
    refuse("another table has taken the name " + name + " of the tracked table " + table, "Changes of the other one go unnoticed.",
           "If it is to be tracked, call " + call("untrack_table", table) + " and " + call("track_table", name) + "; if not, call " +
               call("retrack", table) + ".");
}

// A column that is missing is for the view to tell.
void check_keys() {
    for (const TrackedTable& table : tracked_tables()) {
        const std::vector<std::string> key = KeyTemplate::parse(table.key).columns();
        const std::vector<TableColumn> columns = columns_of(table.relation);
        const bool complete =
            std::all_of(key.begin(), key.end(), [&columns](const std::string& name) { return find_column(columns, name) != nullptr; });
        if (complete && !identifies_rows(table.relation, key))
            refuse("rows of the tracked table " + pg::qualified_name(table.relation) + " can have the same key",
                   "The columns of its key template include those of no unique index any more.",
                   "Create a unique index, or call replicache.track_table with another key.");
    }
}

// Where nothing is tracked: tables that were restored without the registry have our triggers all the same.
void check_registry() {
    static pg::Statement query(
        R"(
            SELECT t.tgrelid
            FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_trigger t ON t.oid OPERATOR(pg_catalog.=) d.objid
            WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
              AND d.refobjid OPERATOR(pg_catalog.=) $1
              AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid
            ORDER BY t.tgrelid
            LIMIT 1)",
        {OIDOID});
    const pg::Rows rows = query.run({value(ObjectIdGetDatum(pg::own_function("on_change")))}, pg::Snapshot::latest);
    if (rows.empty()) return;
    const std::string table = pg::qualified_name(rows.oid(0, 1));
    refuse("table " + table + " has triggers of replicache_ext, but no table is on record as tracked", unnoticed,
           "Restore the tables of the extension too, or call " + call("track_table", table) + ".");
}

}  // namespace

void check_tracking() {
    if (validity) return;
    const Oid registry = pg::own_relation("tracked_table");
    if (!std::binary_search(relations.begin(), relations.end(), registry)) relations = {registry};
    validity.begin([] {
        relations = all_relations();
        if (relations.size() == 1) {
            validity.end();  // nothing would tell of triggers on tables that are not on record
            return check_registry();
        }
        check_dropped();
        if (knows_names()) {
            check_partitions();
            check_names();
        }
        check_triggers();
        check_logged();
        check_keys();
    });
}

}  // namespace replicache::engine
