#include "engine/tracking/value_expression.h"

#include "engine/tracking/table_view.h"
#include "pg/plan.h"

extern "C" {
#include "parser/parser.h"
}

namespace replicache::engine {

using pg::guarded;
using pg::SqlError;

namespace {

// Whether the query is a SELECT of one expression, and no more.
bool selects_one(const std::string& query) {
    return guarded([&query] {
        List* const statements = raw_parser(query.c_str(), RAW_PARSE_DEFAULT);
        if (list_length(statements) != 1) return false;
        const Node* node = linitial_node(RawStmt, statements)->stmt;
        if (!IsA(node, SelectStmt)) return false;
        const auto* select = reinterpret_cast<const SelectStmt*>(node);
        return select->op == SETOP_NONE && list_length(select->targetList) == 1 && select->fromClause == NIL &&
               select->whereClause == nullptr && select->groupClause == NIL && select->havingClause == nullptr &&
               select->windowClause == NIL && select->sortClause == NIL && select->limitCount == nullptr &&
               select->limitOffset == nullptr && select->lockingClause == NIL && select->intoClause == nullptr;
    });
}

}  // namespace

// The expression goes into a query between parentheses. Its text must not be able to close them: it must be an expression with them and
// without them. `a) OR (b` is one only with them.
void check_is_expression(const char* argument, const std::string& text) {
    if (!selects_one("SELECT (" + text + "\n)") || !selects_one("SELECT " + text))
        throw SqlError(ERRCODE_SYNTAX_ERROR, std::string(argument) + " must be a single SQL expression");
}

void check_value(const TrackedTable& table) {
    if (!table.value.empty()) check_is_expression("value", table.value);
    TableView(table).check();
    if (table.value.empty()) return;
    // The expression is analysed alone, because it must not use the parameters of the pull's queries.
    const pg::Plan plan("SELECT (" + table.value + "\n)" + from_clause(table));
    const CachedPlanSource& source = plan.source();
    const auto* query = linitial_node(Query, source.query_list);
    if (query->hasTargetSRFs) throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "value must not return a set");
    if (query->hasWindowFuncs) throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "value must not use window functions");
    const Oid type = TupleDescAttr(source.resultDesc, 0)->atttypid;
    if (type != JSONOID && type != JSONBOID)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH,
                       std::string("value must be of type json or jsonb, not ") + guarded([type] { return format_type_be(type); }), {},
                       "Use an expression such as jsonb_build_object('id', id), or to_jsonb(…).");
}

}  // namespace replicache::engine
