#include "engine/describe/registered.h"

#include "engine/describe/value_shape.h"
#include "pg/compat.h"
#include "pg/identity.h"
#include "pg/json/json_text.h"
#include "pg/own_table.h"
#include "pg/spi.h"

namespace replicache::engine {
namespace {

using pg::guarded;

// `query` gives name, function and ast.
std::vector<RegisteredFunction> usable(pg::OwnStatement& query) {
    std::vector<std::array<std::optional<std::string>, 3>> registered;
    {
        const pg::SpiConnection spi;
        const pg::Rows rows = query.run({}, pg::Snapshot::latest);
        for (std::uint64_t i = 0; i < rows.count(); ++i) registered.push_back({rows.text(i, 1), rows.text(i, 2), rows.text(i, 3)});
    }
    std::vector<RegisteredFunction> result;
    for (auto& [name, signature, ast] : registered) {
        RegisteredFunction found{.name = pg::required(name), .function = InvalidOid, .ast = ast.value_or("")};
        if (!ast) {
            found.function = pg::find_function(pg::required(signature));
            if (found.function == InvalidOid || !guarded([&found] { return pg::may_execute(found.function); })) continue;
        }
        result.push_back(std::move(found));
    }
    return result;
}

// With the names of types as the search_path has them.
std::string json_of(const ValueShape& shape) {
    const std::string nullable = std::string(",\"nullable\":") + (shape.nullable ? "true}" : "false}");
    if (!shape.is_object) {
        const std::string type =
            shape.type == InvalidOid ? "null" : pg::json_string(guarded([&shape] { return format_type_be(shape.type); }));
        return "{\"type\":" + type + nullable;
    }
    std::string members;
    for (const ValueShape::Member& member : shape.members)
        members +=
            (members.empty() ? "" : ",") + ("{\"name\":" + pg::json_string(member.name)) + ",\"value\":" + json_of(member.value) + "}";
    return "{\"members\":[" + members + "]" + nullable;
}

void add_types(const ValueShape& shape, std::string& list) {
    if (!shape.is_object && shape.type != InvalidOid) list += (list.empty() ? "" : ",") + std::to_string(shape.type);
    for (const ValueShape::Member& member : shape.members) add_types(member.value, list);
}

}  // namespace

std::vector<RegisteredFunction> usable_mutators() {
    static pg::OwnStatement query("SELECT name, function, NULL::pg_catalog.text FROM replicache.mutator ORDER BY name", {});
    return usable(query);
}

std::vector<RegisteredFunction> usable_queries() {
    static pg::OwnStatement query("SELECT name, function, ast::pg_catalog.text FROM replicache.query ORDER BY name", {});
    return usable(query);
}

std::string mutator_queues() {
    static pg::OwnStatement query(
        "SELECT COALESCE(pg_catalog.json_agg(name ORDER BY name), '[]')::pg_catalog.text FROM replicache.mutator_queue", {});
    const pg::SpiConnection spi;
    return pg::required(query.run({}, pg::Snapshot::latest).text(0, 1));
}

std::string usable_tables() {
    // The statement runs as the owner of the extension. $1 is the role that calls.
    static pg::OwnStatement query(
        R"(
            SELECT r.oid,
                CASE WHEN pg_catalog.has_any_column_privilege($1, r.oid, 'SELECT') THEN
                    (SELECT pg_catalog.json_build_object(
                        'key', t.key,
                        'space', t.space_column,
                        'version', t.version_column,
                        'deleted', t.deleted_column,
                        'depends_on_user', t.private OR t.part_column IS NOT NULL,
                        'custom', t.value IS NOT NULL)
                    FROM replicache.tracked_table t
                    WHERE t.relation::pg_catalog.oid OPERATOR(pg_catalog.=) r.oid)::pg_catalog.text
                END,
                (SELECT pg_catalog.json_build_object(
                    'name', e.name,
                    'operations', o.operations,
                    'conflict', e.conflict,
                    'conflict_column', e.conflict_column,
                    'replace', e.replace,
                    'columns', e.columns,
                    'version', (SELECT t.version_column FROM replicache.tracked_table t WHERE t.relation OPERATOR(pg_catalog.=) e.relation))
                FROM replicache.exposed_table e
                CROSS JOIN LATERAL (
                    SELECT pg_catalog.json_agg(u.operation ORDER BY u.n) AS operations
                    FROM pg_catalog.unnest(ARRAY['insert', 'update', 'delete']) WITH ORDINALITY AS u(operation, n)
                    WHERE u.operation OPERATOR(pg_catalog.=) ANY (e.operations)
                      AND CASE WHEN u.operation OPERATOR(pg_catalog.=) 'delete'
                          THEN pg_catalog.has_table_privilege($1, r.oid, 'DELETE')
                          ELSE pg_catalog.has_any_column_privilege($1, r.oid, u.operation) END) o
                WHERE e.relation::pg_catalog.oid OPERATOR(pg_catalog.=) r.oid
                  AND o.operations IS NOT NULL)::pg_catalog.text
            FROM (
                SELECT relation::pg_catalog.oid AS oid FROM replicache.tracked_table
                UNION
                SELECT relation::pg_catalog.oid FROM replicache.exposed_table) r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.oid
            ORDER BY r.oid)",
        {OIDOID});
    struct Row {
        Oid relation;
        std::optional<std::string> entries, exposed;
    };
    std::vector<Row> found;
    {
        const pg::SpiConnection spi;
        const pg::Rows rows = query.run({pg::value(ObjectIdGetDatum(GetUserId()))}, pg::Snapshot::latest);
        for (std::uint64_t i = 0; i < rows.count(); ++i) found.push_back({rows.oid(i, 1), rows.text(i, 2), rows.text(i, 3)});
    }
    const std::vector<TrackedTable> tracked = tracked_tables();
    std::string result;
    for (const Row& row : found) {
        const auto table =
            std::find_if(tracked.begin(), tracked.end(), [&row](const TrackedTable& t) { return t.relation == row.relation; });
        const bool has_entries = row.entries && table != tracked.end();
        if (!has_entries && !row.exposed) continue;
        const ValueShape shape = has_entries ? shape_of_value(*table) : ValueShape();
        std::string types;
        add_types(shape, types);
        result += (result.empty() ? "" : ",") + ("{\"relation\":" + std::to_string(row.relation)) +
                  ",\"entries\":" + (has_entries ? *row.entries : "null") + ",\"value\":" + (has_entries ? json_of(shape) : "null") +
                  ",\"types\":[" + types + "],\"exposed\":" + row.exposed.value_or("null") + "}";
    }
    return "[" + result + "]";
}

}  // namespace replicache::engine
