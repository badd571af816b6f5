#include "engine/rows/resource.h"

#include "engine/table/relation.h"
#include "engine/table/space_name.h"

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::quote_identifier;

// A JSON object of columns of the row t, as text.
std::string object_of(const std::vector<Resource::Column>& columns) {
    std::string list;
    for (const Resource::Column& column : columns)
        list += (list.empty() ? "" : ", ") + ("t." + quote_identifier(column.name)) + " AS " + quote_identifier(column.client);
    return "(SELECT pg_catalog.row_to_json(r.*) FROM (SELECT " + list + ") AS r)::pg_catalog.text";
}

}  // namespace

std::optional<Resource> resource_of(const ExposedTable& table) {
    const auto tracked = tracked_table(table.relation);
    if (!tracked || depends_on_user(*tracked) || !SpaceName::of(*tracked).is_column()) return std::nullopt;

    const auto client_name = [&table](const std::string& column) {
        if (table.columns)
            for (const ExposedTable::Column& c : *table.columns)
                if (c.name == column) return c.client;
        return column;
    };
    std::vector<Resource::Column> key, columns;
    Oid space_type = InvalidOid;
    Relation const relation = guarded([&table] { return relation_open(table.relation, AccessShareLock); });
    for (const AttrNumber number : identifying_columns(relation, {})) {
        const std::string column = NameStr(TupleDescAttr(relation->rd_att, number - 1)->attname);
        if (column != tracked->space) key.push_back({client_name(column), column});
    }
    const bool composite = key.size() != 1;
    for (int i = 0; i < relation->rd_att->natts; ++i) {
        const FormData_pg_attribute& attribute = *TupleDescAttr(relation->rd_att, i);
        if (attribute.attisdropped) continue;
        const std::string column = NameStr(attribute.attname);
        if (column == tracked->space && attribute.attgenerated == '\0')
            space_type = guarded([&attribute] { return getBaseType(attribute.atttypid); });
        if (column == tracked->space || column == tracked->version || column == tracked->deleted) continue;
        if (!composite && column == key.front().name) continue;
        const bool is_key = std::any_of(key.begin(), key.end(), [&](const auto& c) { return c.name == column; });
        if (!is_key && !tracked->columns.empty() &&
            std::find(tracked->columns.begin(), tracked->columns.end(), column) == tracked->columns.end())
            continue;
        // Rows without an id are identified by their key columns.
        const bool listed = !table.columns || is_key ||
                            std::any_of(table.columns->begin(), table.columns->end(), [&](const auto& c) { return c.name == column; });
        if (listed) columns.push_back({client_name(column), column});
    }
    guarded([relation] { relation_close(relation, NoLock); });
    if (space_type == InvalidOid) return std::nullopt;
    return Resource{
        .name = table.name,
        .relation = table.relation,
        .key = key,
        .composite = composite,
        .space_type = space_type,
        .key_template = tracked->key,
        .version = quote_identifier(tracked->version),
        .space = quote_identifier(tracked->space),
        .deleted = tracked->deleted.empty() ? "" : quote_identifier(tracked->deleted),
        .id = composite ? "NULL::pg_catalog.text" : "pg_catalog.to_json(t." + quote_identifier(key.front().name) + ")::pg_catalog.text",
        .identity = object_of(key),
        .data = tracked->value.empty() ? object_of(columns) : "(" + tracked->value + "\n)::pg_catalog.text"};
}

}  // namespace replicache::engine
