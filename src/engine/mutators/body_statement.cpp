#include "engine/mutators/body_statement.h"

#include "engine/rows/set_wise.h"
#include "engine/rows/sql_body.h"
#include "pg/compat.h"
#include "pg/waiting_rows.h"

extern "C" {
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// Everything in this namespace raises PostgreSQL errors, and holds nothing that has a destructor.

// What turns parameters into columns of "waiting".
struct Replacement {
    int waiting;  // index of its entry in the range table
    int parameters;
};

Node* replace(Node* node, void* context) {
    if (node == nullptr) return nullptr;
    auto* const state = static_cast<Replacement*>(context);
    if (IsA(node, Param)) {
        const auto* parameter = reinterpret_cast<Param*>(node);
        ++state->parameters;
        return reinterpret_cast<Node*>(makeVar(state->waiting, static_cast<AttrNumber>(parameter->paramid), parameter->paramtype,
                                               parameter->paramtypmod, parameter->paramcollid, 0));
    }
    return expression_tree_mutator(node, reinterpret_cast<Node* (*)()>(reinterpret_cast<void (*)()>(replace)), context);
}

// Whether it reads nothing but its parameters and, if it is no INSERT, the row that it writes.
bool is_simple(const Query& query) {
    if (query.commandType != CMD_INSERT && query.commandType != CMD_UPDATE && query.commandType != CMD_DELETE) return false;
    if (query.returningList != NIL || query.cteList != NIL || query.hasSubLinks || query.hasTargetSRFs) return false;
    const int tables = query.onConflict != nullptr && query.onConflict->action == ONCONFLICT_UPDATE ? 2 : 1;  // the second is "excluded"
    if (list_length(query.rtable) != tables || query.resultRelation != 1) return false;
    const RangeTblEntry& table = *rt_fetch(1, query.rtable);
    if (table.rtekind != RTE_RELATION || table.relkind != RELKIND_RELATION) return false;
    if (query.commandType == CMD_INSERT) return query.jointree->fromlist == NIL && query.jointree->quals == nullptr;
    return list_length(query.jointree->fromlist) == 1 && IsA(linitial(query.jointree->fromlist), RangeTblRef);
}

Node* strip(Node* node) {
    while (node != nullptr && IsA(node, RelabelType)) node = reinterpret_cast<Node*>(reinterpret_cast<RelabelType*>(node)->arg);
    return node;
}

// The parameter that the expression is, from 0, or -1. A relabeled value has the same bytes.
int parameter_of(Node* node) {
    node = strip(node);
    return node != nullptr && IsA(node, Param) ? reinterpret_cast<Param*>(node)->paramid - 1 : -1;
}

bool is_column(Node* node, AttrNumber column) {
    node = strip(node);
    return node != nullptr && IsA(node, Var) && reinterpret_cast<Var*>(node)->varno == 1 &&
           reinterpret_cast<Var*>(node)->varattno == column;
}

// The same as `column = value`, but as = ANY (ARRAY[value]). With it, the planner can only look for the row of each call by the index, so
// rows are written in the order of the calls.
Node* as_any(const OpExpr& comparison, Node* column, Node* value) {
    ArrayExpr* const array = makeNode(ArrayExpr);
    array->element_typeid = exprType(value);
    array->array_typeid = get_array_type(array->element_typeid);
    array->array_collid = exprCollation(value);
    array->elements = list_make1(value);
    ScalarArrayOpExpr* const any = makeNode(ScalarArrayOpExpr);
    any->opno = comparison.opno;
    any->opfuncid = comparison.opfuncid;
    any->useOr = true;
    any->inputcollid = comparison.inputcollid;
    any->args = list_make2(column, array);
    return OidIsValid(array->array_typeid) ? reinterpret_cast<Node*>(any) : nullptr;
}

// The parameter that must be equal to a column of the primary key, or -1. `k`: the column's place in the index. Changes that condition.
int parameter_equal_to(List* conditions, Relation index, int k) {
    const AttrNumber column = index->rd_index->indkey.values[k];
    ListCell* cell;
    foreach (cell, conditions) {
        if (!IsA(lfirst(cell), OpExpr)) continue;
        const auto* comparison = lfirst_node(OpExpr, cell);
        if (list_length(comparison->args) != 2) continue;
        Node *left = static_cast<Node*>(linitial(comparison->args)), *right = static_cast<Node*>(lsecond(comparison->args));
        if (is_column(right, column)) std::swap(left, right);
        const int parameter = parameter_of(right);
        if (!is_column(left, column) || parameter < 0 || !op_in_opfamily(comparison->opno, index->rd_opfamily[k])) continue;
        int strategy;
        Oid left_type, right_type;
        get_op_opfamily_properties(comparison->opno, index->rd_opfamily[k], false, &strategy, &left_type, &right_type);
        // Without the length of the column, equal values of type character have different bytes: spaces at the end.
        if (strategy != BTEqualStrategyNumber || left_type != right_type || left_type == BPCHAROID ||
            comparison->inputcollid != index->rd_indcollation[k])
            continue;
        Node* const any = as_any(*comparison, left, right);
        if (any == nullptr) continue;
        lfirst(cell) = any;
        return parameter;
    }
    return -1;
}

// The value that an INSERT gives to a column, as a parameter, or -1.
int parameter_for(const Query& query, AttrNumber column) {
    ListCell* cell;
    foreach (cell, query.targetList) {
        const auto* target = lfirst_node(TargetEntry, cell);
        if (target->resno == column) return parameter_of(reinterpret_cast<Node*>(target->expr));
    }
    return -1;
}

bool add_key(BodyStatement& result, int parameter) {
    if (parameter < 0 || result.key_length == INDEX_MAX_KEYS) return false;
    result.key[result.key_length++] = parameter;
    return true;
}

// The row that a call writes is the one of the primary key.
bool find_key(BodyStatement& result, Query& query, Relation table) {
    const Oid primary_key = pg::primary_key_index(table);
    if (!OidIsValid(primary_key)) return false;
    List* const conditions = list_copy(make_ands_implicit(reinterpret_cast<Expr*>(query.jointree->quals)));
    Relation const index = index_open(primary_key, AccessShareLock);
    bool found = true;
    for (int k = 0; k < index->rd_index->indnkeyatts && found; ++k) found = add_key(result, parameter_equal_to(conditions, index, k));
    index_close(index, AccessShareLock);
    query.jointree->quals = reinterpret_cast<Node*>(make_ands_explicit(conditions));
    return found;
}

// The row that a call writes may be there. If two calls write it, PostgreSQL raises an error. So the key need not be exact.
bool find_conflict_key(BodyStatement& result, const Query& query) {
    ListCell* cell;
    foreach (cell, query.onConflict->arbiterElems) {
        const auto* element = lfirst_node(InferenceElem, cell);
        if (!IsA(element->expr, Var) || !add_key(result, parameter_for(query, reinterpret_cast<Var*>(element->expr)->varattno)))
            return false;
    }
    return result.key_length > 0;
}

// Whether no call depends on where another has put its row.
bool updates_apart(const Query& query, const SetWise& set_wise, Relation table) {
    Bitmapset* const keys = RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_PRIMARY_KEY);
    ListCell* cell;
    foreach (cell, query.targetList) {
        const AttrNumber column = lfirst_node(TargetEntry, cell)->resno;
        if (set_wise.keeps_rows_apart(column) || bms_is_member(column - FirstLowInvalidHeapAttributeNumber, keys)) return false;
    }
    return true;
}

bool is_allowed(BodyStatement& result, Query& query, const SetWise& set_wise, Relation table) {
    switch (query.commandType) {
        case CMD_INSERT:
            return set_wise.changes &&
                   (query.onConflict == nullptr || query.onConflict->action != ONCONFLICT_UPDATE || find_conflict_key(result, query));
        case CMD_UPDATE:
            return set_wise.changes && set_wise.by_key && updates_apart(query, set_wise, table) && find_key(result, query, table);
        default: return set_wise.removes && set_wise.by_key && find_key(result, query, table);
    }
}

// Adds "waiting" to the tables that the statement reads, and its columns in place of the parameters. False: they are where only columns of
// the table may be.
bool read_from_waiting(Query& query, TupleDesc row) {
    RangeTblEntry* const waiting = makeNode(RangeTblEntry);
    waiting->rtekind = RTE_NAMEDTUPLESTORE;
    waiting->enrname = pstrdup(pg::WaitingRows::name);
    waiting->inFromCl = true;
    List* names = NIL;
    for (int i = 0; i < row->natts; ++i) {
        const FormData_pg_attribute& column = *TupleDescAttr(row, i);
        names = lappend(names, makeString(pstrdup(NameStr(column.attname))));
        waiting->coltypes = lappend_oid(waiting->coltypes, column.atttypid);
        waiting->coltypmods = lappend_int(waiting->coltypmods, column.atttypmod);
        waiting->colcollations = lappend_oid(waiting->colcollations, column.attcollation);
    }
    waiting->eref = makeAlias(pg::WaitingRows::name, names);
    query.rtable = lappend(query.rtable, waiting);
    Replacement state{.waiting = list_length(query.rtable), .parameters = 0};
    RangeTblRef* const reference = makeNode(RangeTblRef);
    reference->rtindex = state.waiting;
    query.jointree->fromlist = lappend(query.jointree->fromlist, reference);
    query.onConflict = reinterpret_cast<OnConflictExpr*>(replace(reinterpret_cast<Node*>(query.onConflict), &state));
    if (state.parameters > 0) return false;
    query.targetList = reinterpret_cast<List*>(replace(reinterpret_cast<Node*>(query.targetList), &state));
    query.jointree->quals = replace(query.jointree->quals, &state);
    return true;
}

}  // namespace

BodyStatement body_statement(HeapTuple function, TupleDesc row) {
    BodyStatement result;
    Query* const query = guarded([&]() -> Query* {
        const SqlBody body = sql_body(function, 1);
        result.source = body.source;
        auto* const found = list_length(body.queries) == 1 ? linitial_node(Query, body.queries) : nullptr;
        return found != nullptr && is_simple(*found) ? found : nullptr;
    });
    if (query == nullptr) return {};
    Relation const table = guarded([query] { return table_open(rt_fetch(1, query->rtable)->relid, NoLock); });  // it is locked
    const Oid relation = RelationGetRelid(table);
    const SetWise by_definition = set_wise(table);
    Query* const rewritten = guarded([&]() -> Query* {
        const bool allowed = is_allowed(result, *query, by_definition, table);
        table_close(table, NoLock);
        if (!allowed || !read_from_waiting(*query, row)) return nullptr;
        List* const statements = pg_rewrite_query(query);
        return list_length(statements) == 1 ? linitial_node(Query, statements) : nullptr;
    });
    if (rewritten == nullptr || !why_not_set_wise(rewritten, relation, rewritten->commandType == CMD_DELETE).empty()) return {};
    // Rows are written in the order of the calls. But PostgreSQL computes the new values of an UPDATE, and conditions, in another one.
    if (rewritten->commandType != CMD_INSERT &&
        guarded([rewritten] { return contain_volatile_functions(reinterpret_cast<Node*>(rewritten)); }))
        return {};
    result.query = rewritten;
    return result;
}

}  // namespace replicache::engine
