#include "engine/tracking/tracking_faults.h"

#include "engine/table/relation.h"
#include "engine/table/tracked_table.h"
#include "engine/tracking/bounds.h"
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

using Report = std::function<void(TrackingFault)>;

[[noreturn]] void refuse(const TrackingFault& fault) {
    throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, fault.problem, fault.detail, fault.hint);
}

constexpr const char* unnoticed = "Its changes go unnoticed.";

std::string call(const char* function, const std::string& table) {
    return "replicache." + std::string(function) + "(" + pg::quote_literal(table) + ")";
}

// Asks the catalog cache. Another module may hide tables from queries of pg_class, as Citus hides shards.
bool exists(const TrackedTable& table) { return !name_of(table.relation).empty(); }

void check_dropped(const Report& report) {
    for (const TrackedTable& table : tracked_tables()) {
        if (exists(table)) continue;
        const std::string oid = std::to_string(table.relation);
        report({InvalidOid, "a tracked table, with the OID " + oid + ", was dropped while event triggers were off",
                "Its rows are gone, and clients have not been told.", "Call " + call("untrack_table", oid) + "."});
    }
}

void check_partitions(const Report& report) {
    static pg::OwnStatement query(
        R"(
            SELECT r.relation::pg_catalog.oid, part::pg_catalog.oid::pg_catalog.regclass::pg_catalog.text
            FROM replicache.tracked_table r
            CROSS JOIN LATERAL pg_catalog.unnest(r.partitions) part
            WHERE NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_inherits i
                WHERE i.inhrelid OPERATOR(pg_catalog.=) part::pg_catalog.oid)
              AND EXISTS (
                SELECT
                FROM pg_catalog.pg_class c
                WHERE c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid))",
        {});
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const std::string table = pg::qualified_name(rows.oid(i, 1));
        report({rows.oid(i, 1), "tracked table " + table + " has lost its partition " + *rows.text(i, 2) + " while event triggers were off",
                "The rows of the partition are gone, and clients have not been told.", "Call " + call("retrack", table) + "."});
    }
}

void check_triggers(const Report& report) {
    static const std::string sql = with_parts() +
                                   R"(
            SELECT p.root, p.relid, n.name
            FROM part p
            JOIN replicache.tracked_table r ON r.relation::pg_catalog.oid OPERATOR(pg_catalog.=) p.root
            CROSS JOIN LATERAL pg_catalog.unnest($1) WITH ORDINALITY AS n(name, place)
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
              AND pg_catalog.pg_table_is_visible(p.relid) IS NOT NULL
            ORDER BY p.root, p.relid, n.place)";
    static pg::OwnStatement query(sql.c_str(), {TEXTARRAYOID, TEXTOID, OIDOID});
    const pg::Rows rows = query.run({value(pg::text_array({trigger_name::lock, trigger_name::stamp, trigger_name::deleted,
                                                           trigger_name::moved, trigger_name::truncated})),
                                     value(std::string_view(trigger_name::lock)), value(ObjectIdGetDatum(pg::own_function("on_change")))},
                                    pg::Snapshot::latest);
    std::unordered_set<Oid> told;  // one fault for each table or partition
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        if (!told.insert(rows.oid(i, 2)).second) continue;
        report({rows.oid(i, 1), "tracked table " + pg::qualified_name(rows.oid(i, 2)) + " has lost its triggers",
                std::string(unnoticed) + " The trigger " + pg::quote_identifier(*rows.text(i, 3)) + " is missing or disabled.",
                "Call " + call("retrack", pg::qualified_name(rows.oid(i, 1))) + "."});
    }
}

// A crash empties them.
void check_logged(const Report& report) {
    static const std::string sql = with_parts() +
                                   R"(
            SELECT p.root, p.relid
            FROM part p
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.relid
            WHERE c.relpersistence OPERATOR(pg_catalog.<>) 'p')";
    static pg::OwnStatement query(sql.c_str(), {});
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const Oid root = rows.oid(i, 1), part = rows.oid(i, 2);
        report({root,
                (root == part ? "tracked table " : "partition ") + pg::qualified_name(part) +
                    (root == part ? "" : " of tracked table " + pg::qualified_name(root)) + " is unlogged",
                "A crash of the server would empty it, and clients would keep its rows.",
                "Call ALTER TABLE " + pg::qualified_name(part) + " SET LOGGED."});
    }
}

// A view of the name may well be of the table.
void check_names(const Report& report) {
    static pg::OwnStatement query(
        R"(
            SELECT r.relation::pg_catalog.oid, r.table_name
            FROM replicache.tracked_table r
            CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(r.table_name)::pg_catalog.oid AS holder) n
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) n.holder
                AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
            WHERE n.holder OPERATOR(pg_catalog.<>) r.relation::pg_catalog.oid
              AND EXISTS (
                SELECT
                FROM pg_catalog.pg_class k
                WHERE k.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid)
              AND NOT EXISTS (
                SELECT
                FROM replicache.tracked_table o
                WHERE o.relation::pg_catalog.oid OPERATOR(pg_catalog.=) n.holder))",
        {});
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const std::string table = pg::qualified_name(rows.oid(i, 1)), name = *rows.text(i, 2);
        report({rows.oid(i, 1), "another table has taken the name " + name + " of the tracked table " + table,
                "Changes of the other one go unnoticed.",
                "If it is to be tracked, call " + call("untrack_table", table) + " and " + call("track_table", name) + "; if not, call " +
                    call("retrack", table) + "."});
    }
}

// A column that is missing is for the view to tell.
bool has_columns(const TrackedTable& table, const std::vector<std::string>& names) {
    const std::vector<TableColumn> columns = columns_of(table.relation);
    return std::all_of(names.begin(), names.end(), [&columns](const std::string& name) { return find_column(columns, name) != nullptr; });
}

void check_keys(const Report& report) {
    for (const TrackedTable& table : tracked_tables()) {
        const std::vector<std::string> key = KeyTemplate::parse(table.key).columns();
        if (has_columns(table, key) && !identifies_rows(table.relation, key))
            report({table.relation, "rows of the tracked table " + pg::qualified_name(table.relation) + " can have the same key",
                    "The columns of its key template include those of no unique index any more.",
                    "Create a unique index, or call replicache.track_table with another key."});
    }
}

// Tables with equal templates, which constraints have kept apart.
void check_bounds(const Report& report) {
    std::map<std::pair<std::string, std::string>, std::vector<TrackedTable>> by_templates;
    for (TrackedTable& table : tracked_tables())
        if (has_columns(table, naming_columns(table))) by_templates[{table.key, table.space}].push_back(std::move(table));
    for (const auto& [templates, tables] : by_templates) {
        if (tables.size() == 1) continue;
        const std::vector<Bounds> bounds(tables.begin(), tables.end());
        for (std::size_t i = 1; i < tables.size(); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (!bounds[i].exclude(bounds[j]))
                    report({tables[i].relation,
                            "rows of the tracked tables " + pg::qualified_name(tables[j].relation) + " and " +
                                pg::qualified_name(tables[i].relation) + " can have the same key",
                            "Their CHECK constraints do not exclude each other any more.",
                            "Create these constraints again, or call replicache.track_table with another key."});
    }
}

// Where nothing is tracked: tables that were restored without the registry have our triggers all the same.
void check_registry(const Report& report) {
    static pg::Statement query(
        R"(
            SELECT DISTINCT t.tgrelid
            FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_trigger t ON t.oid OPERATOR(pg_catalog.=) d.objid
            WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
              AND d.refobjid OPERATOR(pg_catalog.=) $1
              AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid
            ORDER BY t.tgrelid)",
        {OIDOID});
    const pg::Rows rows = query.run({value(ObjectIdGetDatum(pg::own_function("on_change")))}, pg::Snapshot::latest);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const std::string table = pg::qualified_name(rows.oid(i, 1));
        report({rows.oid(i, 1), "table " + table + " has triggers of replicache_ext, but no table is on record as tracked", unnoticed,
                "Restore the tables of the extension too, or call " + call("track_table", table) + "."});
    }
}

void check_recorded(const Report& report) {
    check_dropped(report);
    if (knows_names()) {
        check_partitions(report);
        check_names(report);
    }
    check_triggers(report);
    check_logged(report);
    check_keys(report);
    check_bounds(report);
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
            return check_registry(refuse);
        }
        check_recorded(refuse);
    });
}

std::vector<Oid> tables_with_unsafe_keys() {
    std::vector<Oid> tables;
    const auto note = [&tables](const TrackingFault& fault) { tables.push_back(fault.relation); };
    check_keys(note);
    check_bounds(note);
    return tables;
}

std::vector<TrackingFault> tracking_faults() {
    std::vector<TrackingFault> faults;
    const auto note = [&faults](TrackingFault fault) { faults.push_back(std::move(fault)); };
    all_relations().size() == 1 ? check_registry(note) : check_recorded(note);
    return faults;
}

}  // namespace replicache::engine
