#include "engine/rows/reads_tables.h"

#include "engine/rows/json_casts.h"
#include "engine/rows/known_functions.h"
#include "engine/rows/sql_body.h"
#include "pg/invalidation.h"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/regproc.h"
#include "utils/resowner.h"
#include "utils/typcache.h"
}

// Nothing in this file has a destructor.
namespace replicache::engine {
namespace {

std::uint64_t epoch = 0;
void at_catalog_change() noexcept { ++epoch; }
const pg::CatalogListener function_listener(PROCOID, at_catalog_change);
const pg::CatalogListener operator_listener(OPEROID, at_catalog_change);
const pg::CatalogListener cast_listener(CASTSOURCETARGET, at_catalog_change);
const pg::CatalogListener type_listener(TYPEOID, at_catalog_change);
const pg::CatalogListener constraint_listener(CONSTROID, at_catalog_change);

struct Walk {
    TablesRead found;
    Oid relation;
    bool names_hold;  // a name means now what it means when the code runs
    bool once;        // the code may run once for several rows: in a subquery, or in a function that is not volatile
    int depth;        // of functions in SQL, and of domains
};

constexpr int max_depth = 5;
bool walk(Node* node, void* context);
bool walk_query(Query* query, Walk& state);
bool is_safe_type(Oid type, int depth);

// PostgreSQL 15 declares it without parameters, which C++ takes for none.
const auto walker = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk));

bool has_own_settings(HeapTuple function) {
    return reinterpret_cast<Form_pg_proc>(GETSTRUCT(function))->prosecdef || !heap_attisnull(function, Anum_pg_proc_proconfig, nullptr);
}

bool has_safe_queries(HeapTuple function, const Walk& caller) {
    const auto& form = *reinterpret_cast<Form_pg_proc>(GETSTRUCT(function));
    Walk state{.found = {},
               .relation = InvalidOid,
               // PostgreSQL's own name schemas.
               .names_hold = form.oid < FirstNormalObjectId || (caller.names_hold && !has_own_settings(function)),
               .once = caller.once || form.provolatile != PROVOLATILE_VOLATILE,
               .depth = caller.depth + 1};
    // Each call analyzes a text.
    if (!state.names_hold && heap_attisnull(function, Anum_pg_proc_prosqlbody, nullptr)) return false;
    ListCell* cell;
    foreach (cell, sql_body(function).queries) {
        auto* const query = lfirst_node(Query, cell);
        if (query->commandType != CMD_SELECT) return false;
        ListCell* rewritten;
        foreach (rewritten, pg_rewrite_query(query))
            if (walk_query(lfirst_node(Query, rewritten), state) || state.found.others) return false;
    }
    return true;
}

// The text may be wrong. Then a call says so, if there is one.
bool is_safe_in_sql(HeapTuple function, const Walk& caller) {
    if (caller.depth >= max_depth || !is_safe_type(reinterpret_cast<Form_pg_proc>(GETSTRUCT(function))->prorettype, caller.depth))
        return false;
    MemoryContext const context = CurrentMemoryContext;
    ResourceOwner const owner = CurrentResourceOwner;
    volatile bool safe = false;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        safe = has_safe_queries(function, caller);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData* const error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        const int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
        if (category != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION && category != ERRCODE_DATA_EXCEPTION) ReThrowError(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return safe;
}

bool is_safe(HeapTuple function, const Walk& caller) {
    const auto& form = *reinterpret_cast<Form_pg_proc>(GETSTRUCT(function));
    if (caller.once && form.provolatile == PROVOLATILE_VOLATILE) return false;
    return reads_no_table(form) || (form.prolang == SQLlanguageId && form.prokind != PROKIND_AGGREGATE && is_safe_in_sql(function, caller));
}

bool is_unsafe(Oid function, void* context) {
    auto* const state = static_cast<Walk*>(context);
    HeapTuple const tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    const bool safe = HeapTupleIsValid(tuple) && is_safe(tuple, *state);
    if (HeapTupleIsValid(tuple)) ReleaseSysCache(tuple);
    if (!safe) state->found.cause = psprintf("calls %s", format_procedure(function));
    return !safe;
}

bool makes(Oid type, Walk& state) {
    if (is_safe_type(type, state.depth)) return false;
    state.found.cause = psprintf("makes a value of type %s, whose domains could have a CHECK that reads a table", format_type_be(type));
    return true;
}

// True: what it holds may change while rows are written. Sequences count, and our own triggers write to our own tables.
bool note(const RangeTblEntry& entry, Walk& state) {
    // ON CONFLICT has the table once more, as a row type. Since PostgreSQL 16, a view is a subquery with an OID.
    const bool is_table = entry.rtekind == RTE_RELATION && entry.relkind != RELKIND_COMPOSITE_TYPE;
    const bool is_view = entry.rtekind == RTE_SUBQUERY && OidIsValid(entry.relid);
    if (is_table && entry.relid == state.relation) {
        ++state.found.occurrences;
        return false;
    }
    state.found.others = state.found.others || is_table || is_view;
    const bool changes =
        is_table && (entry.relkind == RELKIND_SEQUENCE || get_rel_namespace(entry.relid) == get_namespace_oid("replicache", false));
    if (changes) state.found.cause = psprintf("reads %s", get_rel_name(entry.relid));
    return changes;
}

bool walk_query(Query* query, Walk& state) { return query_tree_walker(query, walker, &state, QTW_EXAMINE_RTES_BEFORE); }

bool walk_subquery(Query* query, Walk& state) {
    const bool once = std::exchange(state.once, true);
    const bool ends = walk_query(query, state);
    state.once = once;
    return ends;
}

// The argument becomes a text as its type says. PostgreSQL's own types call nothing else for that.
bool is_builtin_concatenation(Node* node) {
    const auto* expression = reinterpret_cast<OpExpr*>(node);
    if (expression->opfuncid != F_TEXTANYCAT && expression->opfuncid != F_ANYTEXTCAT) return false;
    ListCell* cell;
    foreach (cell, expression->args)
        if (exprType(static_cast<Node*>(lfirst(cell))) >= FirstNormalObjectId) return false;
    return true;
}

// True ends the walk: there is a cause.
bool walk(Node* node, void* context) {
    if (node == nullptr) return false;
    auto& state = *static_cast<Walk*>(context);
    if (may_cast_to_json(node)) {
        state.found.cause = "has values of a type with a cast to JSON, which could read a table";
        return true;
    }
    switch (nodeTag(node)) {
        case T_RangeTblEntry: return note(*reinterpret_cast<RangeTblEntry*>(node), state);
        case T_Query: return walk_subquery(reinterpret_cast<Query*>(node), state);
        case T_CoerceToDomain:
            if (makes(reinterpret_cast<CoerceToDomain*>(node)->resulttype, state)) return true;
            break;
        case T_CoerceViaIO:  // its functions are those of the type
            return makes(reinterpret_cast<CoerceViaIO*>(node)->resulttype, state) || expression_tree_walker(node, walker, context);
        case T_OpExpr:
            if (is_builtin_concatenation(node)) return expression_tree_walker(node, walker, context);
            break;
        case T_TableFunc: state.found.cause = "makes values by XMLTABLE or JSON_TABLE"; return true;
#if PG_VERSION_NUM >= 170000
        case T_JsonExpr:
            if (makes(reinterpret_cast<JsonExpr*>(node)->returning->typid, state)) return true;
            break;
#endif
        default: break;
    }
    return check_functions_in_node(node, is_unsafe, context) || expression_tree_walker(node, walker, context);
}

const char* cause_in_expression(Node* expression, int depth) {
    Walk state{.found = {}, .relation = InvalidOid, .names_hold = false, .once = false, .depth = depth};
    if (!walk(expression, &state) && state.found.others) return "reads a table";
    return state.found.cause;
}

bool has_safe_checks(Oid domain, int depth) {
    if (depth >= max_depth) return false;
    MemoryContext const outer = CurrentMemoryContext;
    MemoryContext const context = AllocSetContextCreate(outer, "replicache domain", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(context);
    auto* const constraints = static_cast<DomainConstraintRef*>(palloc0(sizeof(DomainConstraintRef)));
    InitDomainConstraintRef(domain, constraints, context, false);
    bool safe = true;
    ListCell* cell;
    foreach (cell, constraints->constraints) {
        auto* const check = reinterpret_cast<Node*>(lfirst_node(DomainConstraintState, cell)->check_expr);
        safe = safe && cause_in_expression(check, depth + 1) == nullptr && !contain_volatile_functions(check);
    }
    MemoryContextSwitchTo(outer);
    MemoryContextDelete(context);
    return safe;
}

bool is_safe_type(Oid type, int depth) {
    if (const Oid element = get_element_type(type); OidIsValid(element)) return is_safe_type(element, depth);
    switch (get_typtype(type)) {
        case TYPTYPE_BASE:
        case TYPTYPE_ENUM: return true;
        case TYPTYPE_RANGE: return is_safe_type(get_range_subtype(type), depth);
        case TYPTYPE_MULTIRANGE: return is_safe_type(get_multirange_range(type), depth);
        case TYPTYPE_DOMAIN: return has_safe_checks(type, depth) && is_safe_type(getBaseType(type), depth);
        default:  // to look into composite types does not pay
            return false;
    }
}

}  // namespace

TablesRead tables_read(Query* query, Oid relation) {
    Walk state{.found = {}, .relation = relation, .names_hold = true, .once = false, .depth = 0};
    walk_query(query, state);
    return state.found;
}

const char* cause_in_expression(Node* expression) { return cause_in_expression(expression, 0); }
bool reads_no_table(Oid type) { return is_safe_type(type, 0); }
std::uint64_t code_epoch() noexcept { return epoch; }

}  // namespace replicache::engine
