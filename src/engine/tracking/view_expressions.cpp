#include "engine/tracking/view_expressions.h"

#include "engine/table/canonical_space.h"
#include "engine/tracking/trackable.h"
#include "engine/tracking/value_expression.h"
#include "pg/plan.h"

extern "C" {
#include "parser/parser.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

std::string name_of_type(Oid type) {
    return guarded([type] { return format_type_be(type); });
}

[[noreturn]] void refuse_in_filter(const char* what) {
    throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, std::string("filter must not ") + what, "It is evaluated for each row by itself.",
                   "Use a subquery, such as EXISTS (SELECT …).");
}

// Whether the text is one SELECT, or VALUES. It is not analysed. The INTO of a UNION stands in its first SELECT.
bool is_select(const std::string& text) {
    return guarded([&text] {
        const List* const statements = raw_parser(text.c_str(), RAW_PARSE_DEFAULT);
        if (list_length(statements) != 1) return false;
        const Node* const node = linitial_node(RawStmt, statements)->stmt;
        if (!IsA(node, SelectStmt)) return false;
        const auto* first = reinterpret_cast<const SelectStmt*>(node);
        while (first->op != SETOP_NONE) first = first->larg;
        return first->intoClause == nullptr;
    });
}

constexpr const char* how_to_select = "Use a query such as SELECT s.list_id FROM share s WHERE s.user_id = replicache.current_user_id().";

}  // namespace

void check_filter(const TrackedTable& table) {
    if (table.filter.empty()) return;
    check_is_expression("filter", table.filter);
    // The expression is analysed alone, because it must not use the parameters of the pull's queries.
    const pg::Plan plan("SELECT (" + table.filter + "\n)" + from_clause(table));
    const CachedPlanSource& source = plan.source();
    const auto* query = linitial_node(Query, source.query_list);
    if (query->hasTargetSRFs) refuse_in_filter("return a set");
    if (query->hasAggs) refuse_in_filter("use aggregate functions");
    if (query->hasWindowFuncs) refuse_in_filter("use window functions");
    const Oid type = TupleDescAttr(source.resultDesc, 0)->atttypid;
    if (guarded([type] { return getBaseType(type); }) != BOOLOID)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH, "filter must be of type boolean, not " + name_of_type(type), {},
                       "Use a condition, such as t.owner = replicache.current_user_id().");
}

void check_parts(const TrackedTable& table) {
    if (table.parts.empty()) return;
    // The query goes into another one between parentheses. Its text must not be able to close them.
    if (!is_select(table.parts) || !is_select("(" + table.parts + "\n)"))
        throw SqlError(ERRCODE_SYNTAX_ERROR, "parts must be a single SELECT", {}, how_to_select);
    const pg::Plan plan(table.parts);
    const CachedPlanSource& source = plan.source();
    const auto* query = linitial_node(Query, source.query_list);
    if (query->hasModifyingCTE || query->hasForUpdate)
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, std::string("parts must not ") + (query->hasForUpdate ? "lock" : "change") + " rows",
                       "Pulls only read.", how_to_select);
    if (const int columns = source.resultDesc->natts; columns != 1)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "parts must give one column, not " + std::to_string(columns), {}, how_to_select);
    const std::vector<TableColumn> columns = columns_of(table.relation);
    const Oid given = TupleDescAttr(source.resultDesc, 0)->atttypid, wanted = find_column(columns, table.part)->type;
    const auto base = [](Oid type) { return guarded([type] { return getBaseType(type); }); };
    if (!can_name(base(given)) || space_kind(base(given)) != space_kind(base(wanted)))
        throw SqlError(
            ERRCODE_DATATYPE_MISMATCH,
            "parts must be of the type of column \"" + table.part + "\", " + name_of_type(wanted) + ", not " + name_of_type(given), {},
            "Cast the column of the query to " + name_of_type(wanted) + ".");
}

}  // namespace replicache::engine
