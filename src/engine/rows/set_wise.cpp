#include "engine/rows/set_wise.h"

#include "engine/rows/reads_tables.h"

extern "C" {
#include "access/genam.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/fmgroids.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// Everything in this namespace raises PostgreSQL errors, and holds nothing that has a destructor.

// Our own triggers only stamp, each row by itself. The triggers of foreign keys look at other tables, unless the key refers to its own
// table.
bool is_of_others(const Trigger& trigger) {
    const Oid own = LookupFuncName(list_make2(makeString(pstrdup("replicache")), makeString(pstrdup("on_change"))), 0, nullptr, true);
    return !trigger.tgisinternal && trigger.tgfoid != own;
}

bool sets_a_column(const Trigger& trigger) {
    return trigger.tgfoid == F_TSVECTOR_UPDATE_TRIGGER || trigger.tgfoid == F_TSVECTOR_UPDATE_TRIGGER_COLUMN;
}

// Some triggers that come with PostgreSQL look at nothing but their row.
bool looks_at_its_row_only(const Trigger& trigger) {
    return (trigger.tgfoid == F_SUPPRESS_REDUNDANT_UPDATES_TRIGGER || sets_a_column(trigger)) && TRIGGER_FOR_ROW(trigger.tgtype) &&
           TRIGGER_FOR_BEFORE(trigger.tgtype) &&
           (trigger.tgqual == nullptr || cause_in_expression(static_cast<Node*>(stringToNode(trigger.tgqual))) == nullptr);
}

// A change of session_replication_role makes all plans anew, and so the answer for a statement.
bool is_enabled(const Trigger& trigger) {
    const char other = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ? TRIGGER_FIRES_ON_ORIGIN : TRIGGER_FIRES_ON_REPLICA;
    return trigger.tgenabled != TRIGGER_DISABLED && trigger.tgenabled != other;
}

// The events of triggers that the statement can fire.
int events_of(const Query& query) {
    switch (query.commandType) {
        case CMD_INSERT:
            return query.onConflict != nullptr && query.onConflict->action == ONCONFLICT_UPDATE ? TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE
                                                                                                : TRIGGER_TYPE_INSERT;
        case CMD_UPDATE: return TRIGGER_TYPE_UPDATE;
        case CMD_DELETE: return TRIGGER_TYPE_DELETE;
        case CMD_SELECT: return 0;
        default: return TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE;
    }
}

// UPDATE OF: whether the SET list has one of the columns. A generated column may depend on what it has.
bool is_fired_by_columns(const Trigger& trigger, Relation relation, const Query& update) {
    if (trigger.tgnattr == 0) return true;
    for (int i = 0; i < trigger.tgnattr; ++i) {
        if (TupleDescAttr(relation->rd_att, trigger.tgattr[i] - 1)->attgenerated != '\0') return true;
        ListCell* cell;
        foreach (cell, update.targetList) {
            const TargetEntry* const target = lfirst_node(TargetEntry, cell);
            if (!target->resjunk && target->resno == trigger.tgattr[i]) return true;
        }
    }
    return false;
}

// In READ COMMITTED, a row trigger sees the rows that its statement has written before. A statement trigger fires once.
const Trigger* unsafe_trigger(Relation relation, const Query& query) {
    const int events = events_of(query);
    const TriggerDesc* const triggers = events == 0 ? nullptr : relation->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i) {
        const Trigger& trigger = triggers->triggers[i];
        if ((trigger.tgtype & events) != 0 && is_of_others(trigger) && is_enabled(trigger) && !looks_at_its_row_only(trigger) &&
            (query.commandType != CMD_UPDATE || is_fired_by_columns(trigger, relation, query)))
            return &trigger;
    }
    return nullptr;
}

const char* trigger_cause(const Query& query, Oid oid) {
    Relation const relation = table_open(oid, NoLock);  // the plan has locked it
    const Trigger* const trigger = unsafe_trigger(relation, query);
    const char* const cause = trigger == nullptr ? nullptr : psprintf("trigger \"%s\" could look at the table", trigger->tgname);
    table_close(relation, NoLock);
    return cause;
}

template <class Predicate>
bool has_trigger(Relation relation, Predicate&& predicate) {
    const TriggerDesc* const triggers = relation->trigdesc;
    return triggers != nullptr && std::any_of(triggers->triggers, triggers->triggers + triggers->numtriggers, predicate);
}

bool cascades(const Trigger& trigger) {
    switch (trigger.tgfoid) {
        case F_RI_FKEY_CASCADE_DEL:
        case F_RI_FKEY_SETNULL_DEL:
        case F_RI_FKEY_SETDEFAULT_DEL: return true;
        default: return false;
    }
}

bool refers_to_itself(Relation relation) {
    ListCell* cell;
    foreach (cell, RelationGetFKeyList(relation)) {
        const auto* key = static_cast<ForeignKeyCacheInfo*>(lfirst(cell));
        if (key->confrelid == key->conrelid) return true;
    }
    return false;
}

const char* unsafe_check(Relation relation) {
    const TupleConstr* const constraints = relation->rd_att->constr;
    if (constraints == nullptr) return nullptr;
    for (int i = 0; i < constraints->num_check; ++i)
        if (const char* const cause = cause_in_expression(static_cast<Node*>(stringToNode(constraints->check[i].ccbin))))
            return psprintf("constraint \"%s\" %s", constraints->check[i].ccname, cause);
    return nullptr;
}

// Partitions and children have triggers, constraints and indexes of their own, which change without a word to the table above.
const char* relatives(Relation relation) {
    const FormData_pg_class& table = *relation->rd_rel;
    if (table.relkind == RELKIND_PARTITIONED_TABLE) return "the table has partitions";
    if (table.relkind != RELKIND_RELATION) return "it is no ordinary table";
    if (table.relispartition) return "the table is a partition";
    if (table.relhassubclass) return "the table has children";
    return has_superclass(RelationGetRelid(relation)) ? "the table is a child" : nullptr;
}

// Whether the index entry for this column can change when other columns do: columns of the predicate, or that generate this one.
bool depends_on_others(const RelationData& index, Relation table, int column) {
    const AttrNumber number = index.rd_index->indkey.values[column];
    return number == 0 || !heap_attisnull(index.rd_indextuple, Anum_pg_index_indpred, nullptr) ||
           TupleDescAttr(table->rd_att, number - 1)->attgenerated != '\0';
}

// Whether the key changes when other columns do.
bool is_generated(const FormData_pg_index& key, Relation table) {
    for (int n = 0; n < key.indnkeyatts; ++n)
        if (TupleDescAttr(table->rd_att, key.indkey.values[n] - 1)->attgenerated != '\0') return true;
    return false;
}

// Whether equal values can have different bytes although the operator class denies it: spaces at the end. A length makes them equal.
bool has_padding(const FormData_pg_index& key, Relation table) {
    for (int n = 0; n < key.indnkeyatts; ++n) {
        const FormData_pg_attribute& column = *TupleDescAttr(table->rd_att, key.indkey.values[n] - 1);
        std::int32_t length = column.atttypmod;
        if (getBaseTypeAndTypmod(column.atttypid, &length) == BPCHAROID && length < 0) return true;
    }
    return false;
}

}  // namespace

SetWise set_wise(Relation relation) {
    SetWise result;
    struct Facts {
        const char* obstacle;
        bool triggers, sets_columns, cascades;
        List* indexes;
    };
    const Facts facts = guarded([relation] {
        Facts found{.obstacle = nullptr,
                    .triggers = has_trigger(relation, is_of_others),
                    .sets_columns = has_trigger(relation, sets_a_column),
                    .cascades = has_trigger(relation, cascades),
                    .indexes = RelationGetIndexList(relation)};
        if (const char* const obstacle = relatives(relation))
            found.obstacle = obstacle;
        else if (relation->rd_rules != nullptr)
            found.obstacle = "the table has rules";
        else if (refers_to_itself(relation))
            found.obstacle = "a foreign key refers to the table itself";
        else
            found.obstacle = unsafe_check(relation);
        return found;
    });
    if (facts.obstacle != nullptr) return {.why_not = facts.obstacle};
    for (int i = 0; i < list_length(facts.indexes); ++i) {
        Relation const index = guarded([&] { return index_open(list_nth_oid(facts.indexes, i), AccessShareLock); });
        const FormData_pg_index& form = *index->rd_index;
        const bool deferrable = (form.indisunique || form.indisexclusion) && !form.indimmediate;  // checked at the end of a statement
        const std::string name = RelationGetRelationName(index);
        if (form.indisprimary)
            result.by_key = guarded([&] {
                return index->rd_rel->relam == BTREE_AM_OID && _bt_allequalimage(index, false) && !is_generated(form, relation) &&
                       !has_padding(form, relation);
            });
        else if (form.indisunique || form.indisexclusion)
            for (int n = 0; n < form.indnkeyatts; ++n)
                result.unique.push_back(facts.sets_columns || depends_on_others(*index, relation, n) ? 0 : form.indkey.values[n]);
        guarded([index] { index_close(index, AccessShareLock); });
        if (deferrable) return {.why_not = "constraint \"" + name + "\" is deferrable"};
    }
    result.changes = true;
    result.triggers = facts.triggers;
    // A deletion that cascades to other tables may come back to this table, or keep a row of it from going.
    result.removes = !facts.cascades;
    return result;
}

bool is_safe_input(Oid type) {
    return guarded([type] { return reads_no_table(type); });
}

std::string why_not_set_wise(Query* query, Oid relation, bool removes) {
    return guarded([&]() -> const char* {
        const TablesRead read = tables_read(query, relation);
        if (read.cause != nullptr) return psprintf("a default or policy %s", read.cause);
        if (read.occurrences != 1) return "a default or policy reads the table";
        if (removes && read.others) return "a policy reads another table";
        const char* const trigger = trigger_cause(*query, relation);
        return trigger != nullptr ? trigger : "";
    });
}

std::string why_not_set_wise(const CachedPlanSource& statement, Oid relation, bool removes) {
    if (list_length(statement.query_list) != 1) return "the table has rules";
    return why_not_set_wise(linitial_node(Query, statement.query_list), relation, removes);
}

bool tells_order(const CachedPlanSource& statement) {
    return guarded([&] {
        const Oid own = get_namespace_oid("replicache", true);
        ListCell* cell;
        foreach (cell, statement.relationOids)
            if (get_rel_namespace(lfirst_oid(cell)) == own) return true;
        return contain_volatile_functions(reinterpret_cast<Node*>(statement.query_list));
    });
}

}  // namespace replicache::engine
