// Hides a table from all queries of pg_class, those of functions as well, as Citus hides shards.
#include "prelude.h"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
}

namespace {

Oid hidden = InvalidOid;
planner_hook_type next_planner;

bool hide(Node* node, void* context);

// PostgreSQL 15 declares it without parameters, which C++ takes for none.
const auto walker = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(hide));

bool hide(Node* node, void* context) {
    if (node == nullptr) return false;
    if (!IsA(node, Query)) return expression_tree_walker(node, walker, context);
    auto* const query = reinterpret_cast<Query*>(node);
    for (int i = 1; i <= list_length(query->rtable); ++i) {
        const RangeTblEntry* const entry = rt_fetch(i, query->rtable);
        if (entry->rtekind != RTE_RELATION || entry->relid != RelationRelationId) continue;
        Var* const oid = makeVar(i, Anum_pg_class_oid, OIDOID, -1, InvalidOid, 0);
        Const* const value = makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(hidden), false, true);
        auto* const differs = reinterpret_cast<OpExpr*>(
            make_opclause(608, BOOLOID, false, reinterpret_cast<Expr*>(oid), reinterpret_cast<Expr*>(value), InvalidOid, InvalidOid));
        differs->opfuncid = F_OIDNE;
        query->jointree->quals = make_and_qual(query->jointree->quals, reinterpret_cast<Node*>(differs));
    }
    return query_tree_walker(query, walker, context, 0);
}

// 19 has one more argument.
template <class... More>
PlannedStmt* plan(Query* query, const char* text, int options, ParamListInfo parameters, More... more) {
    if (OidIsValid(hidden)) hide(reinterpret_cast<Node*>(query), nullptr);
    return next_planner != nullptr ? next_planner(query, text, options, parameters, more...)
                                   : standard_planner(query, text, options, parameters, more...);
}

}  // namespace

extern "C" {
PG_MODULE_MAGIC;

// From now on, this session does not see the table.
PG_FUNCTION_INFO_V1(hide_table);
Datum hide_table(PG_FUNCTION_ARGS) {
    if (!OidIsValid(hidden)) {
        next_planner = planner_hook;
        planner_hook = plan;
    }
    hidden = PG_GETARG_OID(0);
    PG_RETURN_VOID();
}
}
