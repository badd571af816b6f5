#include "engine/rows/set_wise.h"

extern "C" {
#include "access/genam.h"
#include "access/nbtree.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "commands/trigger.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/fmgroids.h"
#include "utils/typcache.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// Everything in this namespace raises PostgreSQL errors, and holds nothing that has a destructor.

// Functions that could see rows which the statement writes, or that tell one change from another. Functions in C see no table of a user.
// Immutable functions are declared to see none, and PostgreSQL relies on that, too.
bool is_unsafe(Oid function, void*) {
    HeapTuple const tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) return true;
    const auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    const bool tells_apart =
        std::strcmp(NameStr(form->proname), "current_mutation_id") == 0 && form->pronamespace == get_namespace_oid("replicache", false);
    const bool safe = form->provolatile == PROVOLATILE_IMMUTABLE || form->prolang == INTERNALlanguageId || form->prolang == ClanguageId;
    ReleaseSysCache(tuple);
    return tells_apart || !safe;
}

struct Walk {
    Oid relation;     // the one that is written
    int occurrences;  // of that relation
    bool others;      // other tables are read
};

bool walk(Node* node, void* context);
bool has_safe_domain_checks(Oid domain);

// PostgreSQL 15 declares it without parameters, which C++ takes for none.
const auto walker = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk));

// True ends the walk: something is unsafe.
bool walk(Node* node, void* context) {
    if (node == nullptr) return false;
    auto* const state = static_cast<Walk*>(context);
    if (IsA(node, RangeTblEntry)) {
        const auto* entry = reinterpret_cast<RangeTblEntry*>(node);
        // ON CONFLICT has the table once more, as a row type.
        if (entry->rtekind != RTE_RELATION || entry->relkind == RELKIND_COMPOSITE_TYPE) return false;
        if (entry->relid == state->relation)
            ++state->occurrences;
        else
            state->others = true;
        return false;
    }
    if (IsA(node, Query)) return query_tree_walker(reinterpret_cast<Query*>(node), walker, context, QTW_EXAMINE_RTES_BEFORE);
    if (IsA(node, CoerceToDomain) && !has_safe_domain_checks(reinterpret_cast<CoerceToDomain*>(node)->resulttype)) return true;
    return check_functions_in_node(node, is_unsafe, nullptr) || expression_tree_walker(node, walker, context);
}

bool is_safe_expression(Node* expression) {
    Walk state{};
    return !walk(expression, &state);
}

// In READ COMMITTED, a row trigger sees the rows that its statement has written before. A statement trigger fires once. Our own triggers
// only stamp, each row by itself. The triggers of foreign keys look at other tables, unless the key refers to its own table.
bool has_unsafe_trigger(Relation relation, bool* cascades) {
    *cascades = false;
    if (relation->trigdesc == nullptr) return false;
    const Oid own = LookupFuncName(list_make2(makeString(pstrdup("replicache")), makeString(pstrdup("on_change"))), 0, nullptr, true);
    for (int i = 0; i < relation->trigdesc->numtriggers; ++i) {
        const Trigger& trigger = relation->trigdesc->triggers[i];
        if (trigger.tgfoid == own) continue;
        if (!trigger.tgisinternal) return true;
        switch (trigger.tgfoid) {
            case F_RI_FKEY_CASCADE_DEL:
            case F_RI_FKEY_SETNULL_DEL:
            case F_RI_FKEY_SETDEFAULT_DEL: *cascades = true; break;
            default: break;
        }
    }
    return false;
}

bool refers_to_itself(Relation relation) {
    ListCell* cell;
    foreach (cell, RelationGetFKeyList(relation)) {
        const auto* key = static_cast<ForeignKeyCacheInfo*>(lfirst(cell));
        if (key->confrelid == key->conrelid) return true;
    }
    return false;
}

bool has_unsafe_check(Relation relation) {
    const TupleConstr* const constraints = relation->rd_att->constr;
    if (constraints == nullptr) return false;
    for (int i = 0; i < constraints->num_check; ++i)
        if (!is_safe_expression(static_cast<Node*>(stringToNode(constraints->check[i].ccbin)))) return true;
    return false;
}

bool is_related(Relation relation) {
    return relation->rd_rel->relkind != RELKIND_RELATION || relation->rd_rel->relispartition || relation->rd_rel->relhassubclass ||
           has_superclass(RelationGetRelid(relation));
}

bool has_safe_domain_checks(Oid domain) {
    MemoryContext const outer = CurrentMemoryContext;
    MemoryContext const context = AllocSetContextCreate(outer, "replicache domain", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(context);
    auto* const constraints = static_cast<DomainConstraintRef*>(palloc0(sizeof(DomainConstraintRef)));
    InitDomainConstraintRef(domain, constraints, context, false);
    bool safe = true;
    ListCell* cell;
    foreach (cell, constraints->constraints)
        safe = safe && is_safe_expression(reinterpret_cast<Node*>(static_cast<DomainConstraintState*>(lfirst(cell))->check_expr));
    MemoryContextSwitchTo(outer);
    MemoryContextDelete(context);
    return safe;
}

bool reads_no_table(Oid type) {
    if (const Oid element = get_element_type(type); OidIsValid(element)) return reads_no_table(element);
    switch (get_typtype(type)) {
        case TYPTYPE_BASE:
        case TYPTYPE_ENUM: return true;
        case TYPTYPE_RANGE: return reads_no_table(get_range_subtype(type));
        case TYPTYPE_DOMAIN: return has_safe_domain_checks(type) && reads_no_table(getBaseType(type));
        default:  // to look into composite types does not pay
            return false;
    }
}

// Whether the index entry for this column can change when other columns do: columns of the predicate, or that generate this one.
bool depends_on_others(const RelationData& index, Relation table, int column) {
    const AttrNumber number = index.rd_index->indkey.values[column];
    return number == 0 || !heap_attisnull(index.rd_indextuple, Anum_pg_index_indpred, nullptr) ||
           TupleDescAttr(table->rd_att, number - 1)->attgenerated != '\0';
}

}  // namespace

SetWise set_wise(Relation relation) {
    SetWise result;
    struct Facts {
        bool safe, cascades;
        List* indexes;
    };
    // Partitions and children have constraints and triggers of their own.
    const Facts facts = guarded([relation] {
        Facts found{};
        found.safe = !is_related(relation) && relation->rd_rules == nullptr && !has_unsafe_trigger(relation, &found.cascades) &&
                     !refers_to_itself(relation) && !has_unsafe_check(relation);
        found.indexes = RelationGetIndexList(relation);
        return found;
    });
    if (!facts.safe) return result;
    for (int i = 0; i < list_length(facts.indexes); ++i) {
        Relation const index = guarded([&] { return index_open(list_nth_oid(facts.indexes, i), AccessShareLock); });
        const FormData_pg_index& form = *index->rd_index;
        const bool deferrable = (form.indisunique || form.indisexclusion) && !form.indimmediate;  // checked at the end of a statement
        if (form.indisprimary)
            result.by_key = guarded([index] { return index->rd_rel->relam == BTREE_AM_OID && _bt_allequalimage(index, false); });
        else if (form.indisunique || form.indisexclusion)
            for (int n = 0; n < form.indnkeyatts; ++n)
                result.unique.push_back(depends_on_others(*index, relation, n) ? 0 : form.indkey.values[n]);
        guarded([index] { index_close(index, AccessShareLock); });
        if (deferrable) return {};
    }
    result.changes = true;
    // A deletion that cascades to other tables may come back to this table, or keep a row of it from going.
    result.removes = !facts.cascades;
    return result;
}

bool is_safe_input(Oid type) {
    return guarded([type] { return reads_no_table(type); });
}

bool is_set_wise(const CachedPlanSource& statement, Oid relation, bool removes) {
    if (list_length(statement.query_list) != 1) return false;  // rules
    return guarded([&] {
        Walk state{.relation = relation, .occurrences = 0, .others = false};
        return !walk(static_cast<Node*>(linitial(statement.query_list)), &state) && state.occurrences == 1 && !(removes && state.others);
    });
}

}  // namespace replicache::engine
