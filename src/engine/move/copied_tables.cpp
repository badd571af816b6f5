#include "engine/move/copied_tables.h"

#include "engine/table/canonical_space.h"
#include "pg/own_table.h"
#include "pg/spi.h"

namespace replicache::engine {
namespace {

// All columns that can be given a value.
std::string columns_of(Oid relation) {
    static pg::OwnStatement statement(
        R"(
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum)
            FROM pg_catalog.pg_attribute
            WHERE attrelid OPERATOR(pg_catalog.=) $1
              AND attnum OPERATOR(pg_catalog.>) 0
              AND NOT attisdropped
              AND attgenerated OPERATOR(pg_catalog.=) '')",
        {OIDOID});
    return pg::required(statement.run({pg::value(ObjectIdGetDatum(relation))}).text(0, 1));
}

// The tracked tables to which this one refers.
std::vector<Oid> parents_of(Oid relation) {
    static pg::OwnStatement statement(
        R"(
            SELECT DISTINCT confrelid
            FROM pg_catalog.pg_constraint
            WHERE conrelid OPERATOR(pg_catalog.=) $1
              AND contype OPERATOR(pg_catalog.=) 'f'
              AND confrelid OPERATOR(pg_catalog.<>) $1)",
        {OIDOID});
    const pg::Rows rows = statement.run({pg::value(ObjectIdGetDatum(relation))});
    std::vector<Oid> parents;
    for (std::uint64_t i = 0; i < rows.count(); ++i) parents.push_back(rows.oid(i, 1));
    return parents;
}

// Parents first. Of tables that refer to each other in a circle, any comes first.
void visit(const TrackedTable& table, std::vector<TrackedTable>& rest, std::vector<TrackedTable>& ordered) {
    for (const Oid parent : parents_of(table.relation)) {
        const auto found = std::find_if(rest.begin(), rest.end(), [parent](const TrackedTable& t) { return t.relation == parent; });
        if (found == rest.end()) continue;
        const TrackedTable next = *found;
        rest.erase(found);
        visit(next, rest, ordered);
    }
    ordered.push_back(table);
}

// Types whose = is PostgreSQL's own, and compares what their texts say.
bool has_plain_equality(Oid type) {
    switch (type) {
        case TEXTOID:
        case VARCHAROID:
        case UUIDOID:
        case INT2OID:
        case INT4OID:
        case INT8OID: return true;
        default: return false;
    }
}

// SQL: which rows t of the table are in the space. Nullopt: none can be. Texts are compared, which the types' own output functions make, so
// that no cast or operator of anybody runs. Another comparison goes first if it can use an index.
std::optional<std::string> condition_of(const TrackedTable& table, const std::string& space) {
    const auto spaces = spaces_of(table);
    if (!spaces) return std::nullopt;
    const auto texts = spaces->name.match(space);
    if (!texts) return std::nullopt;
    const std::string equal = " OPERATOR(pg_catalog.=) ";
    std::string condition;
    const std::vector<std::string> columns = spaces->name.columns();
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (!space_value(spaces->types[i], (*texts)[i])) return std::nullopt;
        const std::string column = "t." + pg::quote_identifier(columns[i]), text = pg::quote_literal((*texts)[i]);
        if (has_plain_equality(spaces->types[i])) condition += (condition.empty() ? "" : " AND ") + column + equal + text;
        condition += (condition.empty() ? "" : " AND ") + ("pg_catalog.concat(" + column + ")") + " COLLATE \"C\"" + equal + text;
    }
    return condition.empty() ? "true" : condition;
}

struct TableRows {
    TrackedTable table;
    std::string condition;
};

// The tables that can have rows in the space, parents first.
std::vector<TableRows> tables_with(const std::string& space) {
    std::vector<TrackedTable> rest = tracked_tables(), ordered;
    // Its rows go along with the bookkeeping.
    std::erase_if(rest, [own = pg::own_relation("mutation_error")](const TrackedTable& table) { return table.relation == own; });
    while (!rest.empty()) {
        const TrackedTable next = rest.front();
        rest.erase(rest.begin());
        visit(next, rest, ordered);
    }
    std::vector<TableRows> tables;
    for (TrackedTable& table : ordered)
        if (auto condition = condition_of(table, space)) tables.push_back({std::move(table), std::move(*condition)});
    return tables;
}

}  // namespace

CopiedTables copied_tables(const std::string& space) {
    CopiedTables tables;
    for (const auto& [table, condition] : tables_with(space)) {
        const std::string name = pg::qualified_name(table.relation), columns = columns_of(table.relation);
        tables.relations.push_back(table.relation);
        tables.names.push_back(name);
        tables.copies_out.push_back("COPY (SELECT " + columns + " FROM " + rows_of(table.relation) + " WHERE " + condition + ") TO STDOUT");
        tables.copies_in.push_back("COPY " + name + " (" + columns + ") FROM STDIN");
        tables.removals.push_back("DELETE FROM " + rows_of(table.relation) + " WHERE " + condition);
    }
    return tables;
}

std::vector<std::string> not_of_definition() { return {"relation", "table_name", "partitions", "version_column"}; }

void check_no_rows(const std::string& space) {
    for (const auto& [table, condition] : tables_with(space))
        if (!pg::run_once("SELECT FROM " + rows_of(table.relation) + " WHERE " + condition + " LIMIT 1").empty())
            throw pg::SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                               "table " + pg::qualified_name(table.relation) + " has rows of the space \"" + space + "\" already", {},
                               "Delete what the space has left behind when it went away.");
}

}  // namespace replicache::engine
