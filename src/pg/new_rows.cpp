#include "pg/new_rows.h"

#include "pg/compat.h"
#include "pg/own_table.h"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "utils/fmgroids.h"
}

namespace replicache::pg {
namespace {

// Everything in here raises PostgreSQL errors.

bool has_columns(TupleDesc row, std::span<const Oid> types) {
    if (static_cast<std::size_t>(row->natts) != types.size() || TupleDescAttr(row, 0)->attidentity == '\0') return false;
    for (int i = 0; i < row->natts; ++i) {
        const FormData_pg_attribute& column = *TupleDescAttr(row, i);
        if (column.attisdropped || column.attgenerated != '\0' || column.atttypid != types[i]) return false;
    }
    return true;
}

// Whether an entry of the index takes no code but PostgreSQL's own. A condition may be one like "client_group_id = ''".
bool is_plain(const IndexInfo& index) {
    if (index.ii_Expressions != NIL || index.ii_ExclusionOps != nullptr) return false;
    if (index.ii_Predicate == NIL) return true;
    const auto* condition = static_cast<Node*>(linitial(index.ii_Predicate));
    if (list_length(index.ii_Predicate) > 1 || !IsA(condition, OpExpr)) return false;
    const auto* equal = reinterpret_cast<const OpExpr*>(condition);
    return equal->opfuncid == F_TEXTEQ && IsA(linitial(equal->args), Var) && IsA(lsecond(equal->args), Const);
}

bool is_plain(Relation relation, std::span<const Oid> types) {
    const FormData_pg_class& form = *relation->rd_rel;
    const TupleConstr* const constraints = relation->rd_att->constr;
    return form.relkind == RELKIND_RELATION && !form.relispartition && !form.relforcerowsecurity && relation->trigdesc == nullptr &&
           relation->rd_rules == nullptr && (constraints == nullptr || constraints->num_check == 0) && has_columns(relation->rd_att, types);
}

}  // namespace

NewRows::NewRows(const char* table, std::span<const Oid> types) {
    guarded([&] {
        const Oid oid = find_own_relation(table);
        if (!OidIsValid(oid)) raise_missing(table);
        relation_ = table_open(oid, RowExclusiveLock);
        if (!pg::is_plain(relation_, types)) return;
        sequence_ = identity_sequence(relation_, 1);
        if (!OidIsValid(sequence_)) return;
        row_ = table_slot_create(relation_, nullptr);
        executor_ = CreateExecutorState();
        const MemoryContext outer = MemoryContextSwitchTo(executor_->es_query_cxt);
        target_ = makeNode(ResultRelInfo);
        InitResultRelInfo(target_, relation_, 0, nullptr, 0);
        ExecOpenIndices(target_, false);
        MemoryContextSwitchTo(outer);
        is_plain_ = true;
        for (int i = 0; i < target_->ri_NumIndices; ++i) is_plain_ = is_plain_ && pg::is_plain(*target_->ri_IndexRelationInfo[i]);
    });
}

// After an error, the rollback closes what is still open, and nothing here may be used.
NewRows::~NewRows() {
    if (failed_) return;
    if (executor_ != nullptr) {
        ExecCloseIndices(target_);
        FreeExecutorState(executor_);
    }
    if (row_ != nullptr) ExecDropSingleTupleTableSlot(row_);
    table_close(relation_, NoLock);  // locks stay until the end of the transaction
}

MemoryContext NewRows::begin() {
    CHECK_FOR_INTERRUPTS();
    ExecClearTuple(row_);
    ResetPerTupleExprContext(executor_);
    const MemoryContext outer = MemoryContextSwitchTo(GetPerTupleMemoryContext(executor_));
    row_->tts_values[0] = Int64GetDatum(nextval_internal(sequence_, false));
    row_->tts_isnull[0] = false;
    return outer;
}

void NewRows::end(MemoryContext outer) {
    ExecStoreVirtualTuple(row_);
    MemoryContextSwitchTo(outer);
    ExecSimpleRelationInsert(target_, executor_, row_);
}

void NewRows::finish() {
    guarded([] { CommandCounterIncrement(); });
}

}  // namespace replicache::pg
