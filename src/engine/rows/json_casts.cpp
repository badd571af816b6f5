#include "engine/rows/json_casts.h"

extern "C" {
#include "access/transam.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/typcache.h"
}

namespace replicache::engine {
namespace {

bool may_have_cast(Oid type);

bool may_have_casts(Oid row_type) {
    TupleDesc const row = lookup_rowtype_tupdesc(row_type, -1);
    bool may = false;
    for (int i = 0; i < row->natts; ++i) {
        const FormData_pg_attribute& column = *TupleDescAttr(row, i);
        may = may || (!column.attisdropped && may_have_cast(column.atttypid));
    }
    ReleaseTupleDesc(row);
    return may;
}

// Compare json_categorize_type (utils/adt/json.c). What is in a record is seen where it comes from.
bool may_have_cast(Oid type) {
    check_stack_depth();
    type = getBaseType(type);
    if (const Oid element = get_element_type(type); OidIsValid(element)) return may_have_cast(element);
    if (type < FirstNormalObjectId) return false;
    Oid function;
    if (find_coercion_pathway(JSONOID, type, COERCION_EXPLICIT, &function) == COERCION_PATH_FUNC) return true;
    return get_typtype(type) == TYPTYPE_COMPOSITE && may_have_casts(type);
}

bool may_have_cast(List* expressions) {
    ListCell* cell;
    foreach (cell, expressions)
        if (may_have_cast(exprType(static_cast<Node*>(lfirst(cell))))) return true;
    return false;
}

bool any_may_have_cast(List* types) {
    ListCell* cell;
    foreach (cell, types)
        if (may_have_cast(lfirst_oid(cell))) return true;
    return false;
}

bool is_json(Oid type) { return type == JSONOID || type == JSONBOID; }

}  // namespace

bool may_cast_to_json(Node* expression) {
    switch (nodeTag(expression)) {
        case T_FuncExpr: {
            const auto* call = reinterpret_cast<FuncExpr*>(expression);
            return is_json(call->funcresulttype) && may_have_cast(call->args);
        }
        case T_WindowFunc: {
            const auto* call = reinterpret_cast<WindowFunc*>(expression);
            return is_json(call->wintype) && may_have_cast(call->args);
        }
        case T_Aggref: {
            const auto* call = reinterpret_cast<Aggref*>(expression);
            return is_json(call->aggtype) && any_may_have_cast(call->aggargtypes);
        }
        case T_RowExpr: return may_have_cast(reinterpret_cast<RowExpr*>(expression)->args);
        case T_TargetEntry: return may_have_cast(exprType(reinterpret_cast<Node*>(reinterpret_cast<TargetEntry*>(expression)->expr)));
        case T_RangeTblEntry: return any_may_have_cast(reinterpret_cast<RangeTblEntry*>(expression)->coltypes);
#if PG_VERSION_NUM >= 160000
        case T_JsonConstructorExpr: return may_have_cast(reinterpret_cast<JsonConstructorExpr*>(expression)->args);
#endif
        default: return false;
    }
}

}  // namespace replicache::engine
