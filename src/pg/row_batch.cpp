#include "pg/row_batch.h"

#include "pg/compat.h"
#include "pg/own_table.h"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace replicache::pg {

// As CatalogTuplesMultiInsertWithInfo does. But that one loses sight of a row whose values were moved to the TOAST table.
void insert_into_indexes(Relation relation, std::span<TupleTableSlot* const> rows, bool heap_only) {
    CatalogIndexState const indexes = CatalogOpenIndexes(relation);
    for (int n = 0; n < indexes->ri_NumIndices; ++n) {
        Relation const index = indexes->ri_IndexRelationDescs[n];
        IndexInfo* const info = indexes->ri_IndexRelationInfo[n];
        if (!info->ii_ReadyForInserts || (heap_only && !summarizes(*info))) continue;
        // A superuser has made it. It would take an executor.
        if (info->ii_Expressions != NIL || info->ii_Predicate != NIL || info->ii_ExclusionOps != nullptr)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("index \"%s\" of replicache_ext's table \"%s\" is not a plain one", RelationGetRelationName(index),
                                   RelationGetRelationName(relation)),
                            errhint("%s", not_to_be_altered)));
        for (TupleTableSlot* const row : rows) {
            Datum values[INDEX_MAX_KEYS];
            bool nulls[INDEX_MAX_KEYS];
            FormIndexDatum(info, row, nullptr, values, nulls);
            index_insert(index, values, nulls, &row->tts_tid, relation, index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
                         false, info);
        }
    }
    CatalogCloseIndexes(indexes);
}

void RowBatch::open() {
    const Oid oid = find_own_relation(table_);
    if (!OidIsValid(oid)) raise_missing(table_);
    relation_ = table_open(oid, RowExclusiveLock);
    if (row_ == nullptr) row_ = CreateTupleDescCopy(RelationGetDescr(relation_));
}

void RowBatch::add(std::initializer_list<Value> values) {
    MemoryContext const outer = MemoryContextSwitchTo(home_);
    if (relation_ == nullptr) open();
    if (row_->natts > static_cast<int>(values.size()))
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("table \"%s\" of replicache_ext is newer than the library of this session", table_), errhint("Connect again.")));
    if (count_ == slot_count_) slots_[slot_count_++] = MakeSingleTupleTableSlot(row_, &TTSOpsHeapTuple);
    TupleTableSlot* const slot = slots_[count_++];
    ExecClearTuple(slot);
    for (int i = 0; i < row_->natts; ++i) {
        slot->tts_values[i] = values.begin()[i].datum;
        slot->tts_isnull[i] = values.begin()[i].null;
    }
    ExecStoreVirtualTuple(slot);
    ExecMaterializeSlot(slot);
    MemoryContextSwitchTo(outer);
    if (count_ == max_rows) write();
}

void RowBatch::write() {
    if (relation_ == nullptr) return;
    heap_multi_insert(relation_, slots_, count_, GetCurrentCommandId(true), 0, nullptr);
    insert_into_indexes(relation_, std::span(slots_, count_), false);
    table_close(relation_, NoLock);  // locks stay until the end of the transaction
    relation_ = nullptr;
    count_ = 0;
    CommandCounterIncrement();
}

}  // namespace replicache::pg
