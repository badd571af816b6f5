#include "pg/table.h"

#include "pg/compat.h"
#include "pg/own_table.h"
#include "pg/row_batch.h"

extern "C" {
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
}

namespace replicache::pg {
namespace {

[[noreturn]] void changed_since_snapshot() {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("could not serialize access due to concurrent update")));
    pg_unreachable();
}

Relation open(const char* name, LOCKMODE lock) {
    const Oid oid = find_own_relation(name);
    if (!OidIsValid(oid)) raise_missing(name);
    return table_open(oid, lock);
}

// What CatalogTupleUpdate does. But that opens all indexes first, which costs more than the update. A HOT update needs none of them.
void update_tuple(Relation relation, ItemPointer place, HeapTuple changed) {
    if (update_heap(relation, place, changed)) return;
    TupleTableSlot* const slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
    ExecStoreHeapTuple(changed, slot, false);
    slot->tts_tid = changed->t_self;
    insert_into_indexes(relation, {&slot, 1}, HeapTupleIsHeapOnly(changed));
    ExecDropSingleTupleTableSlot(slot);
}

bool has_text(TupleTableSlot* row, int column, bool (*is_wanted)(std::string_view)) {
    bool null;
    const Datum datum = slot_getattr(row, column, &null);
    if (null) return false;
    const text* found = DatumGetTextPP(datum);
    return is_wanted({VARDATA_ANY(found), VARSIZE_ANY_EXHDR(found)});
}

}  // namespace

Table::Table(const char* name, Access access) {
    guarded([&] {
        relation_ = open(name, access == Access::read ? AccessShareLock : RowExclusiveLock);
        row_ = table_slot_create(relation_, nullptr);
    });
}

Table::~Table() {
    // Locks stay until the end of the transaction.
    ExecDropSingleTupleTableSlot(row_);
    table_close(relation_, NoLock);
}

// Calls visit() for each version of the row until it returns true.
template <class Visit>
void Table::scan(RowKey key, Snapshot snapshot, Visit&& visit) {
    ScanKeyData wanted[RowKey::max_columns];
    for (int i = 0; i < key.count(); ++i) {
        check_column(relation_, i + 1, ColumnType::text);
        ScanKeyEntryInitialize(&wanted[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID, F_TEXTEQ,
                               unguarded_text_datum(key[i]));
    }
    const Oid key_index = primary_key_index(relation_);
    Relation const index = OidIsValid(key_index) ? index_open(key_index, AccessShareLock) : nullptr;
    if (index == nullptr || IndexRelationGetNumberOfKeyAttributes(index) != key.count())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("\"replicache.%s\" has lost its primary key", RelationGetRelationName(relation_))));
    IndexScanDesc const scan = begin_index_scan(relation_, index, snapshot, key.count());
    index_rescan(scan, wanted, key.count(), nullptr, 0);
    while (index_getnext_slot(scan, ForwardScanDirection, row_) && !visit()) {}
    index_endscan(scan);
    index_close(index, NoLock);
}

bool Table::scan(RowKey key, Snapshot snapshot) {
    bool found = false;
    scan(key, snapshot, [&] {
        ExecMaterializeSlot(row_);
        return found = true;
    });
    return found;
}

bool Table::exists(const char* name) { return OidIsValid(own_relation(name)); }

bool Table::find_latest(RowKey key) {
    return guarded([&] {
        Snapshot const snapshot = RegisterSnapshot(GetLatestSnapshot());
        const bool found = scan(key, snapshot);
        UnregisterSnapshot(snapshot);
        return found;
    });
}

bool Table::find(RowKey key) {
    return guarded([&] { return scan(key, GetActiveSnapshot()); });
}

std::int64_t Table::greatest(RowKey key, int column) {
    return guarded([&] {
        check_column(relation_, column, ColumnType::number);
        SnapshotData dirty;
        InitDirtySnapshot(dirty);
        std::int64_t greatest = PG_INT64_MIN;
        scan(
            key, &dirty,
            [&] {
                bool null;
                greatest = std::max(greatest, DatumGetInt64(slot_getattr(row_, column, &null)));
                return false;
            });
        return greatest;
    });
}

bool Table::lock(RowKey key) { return lock_unless(key, 0, nullptr); }

bool Table::lock_unless(RowKey key, int column, bool (*is_free)(std::string_view)) {
    return guarded([&] {
        const bool fixed = IsolationUsesXactSnapshot();
        for (;;) {
            Snapshot const snapshot = RegisterSnapshot(fixed ? GetTransactionSnapshot() : GetLatestSnapshot());
            if (!scan(key, snapshot)) {
                UnregisterSnapshot(snapshot);
                return false;
            }
            if (column != 0) check_column(relation_, column, ColumnType::text);
            if (column != 0 && has_text(row_, column, is_free)) {
                UnregisterSnapshot(snapshot);
                return true;
            }
            TM_FailureData failure;
            ItemPointerData tid = row_->tts_tid;
            const TM_Result result = table_tuple_lock(relation_, &tid, snapshot, row_, GetCurrentCommandId(false), LockTupleNoKeyExclusive,
                                                      LockWaitBlock, fixed ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
            UnregisterSnapshot(snapshot);
            if (result == TM_Ok) return true;
            if (fixed) changed_since_snapshot();
            if (result != TM_Deleted && result != TM_Updated) elog(ERROR, "unexpected result %d of table_tuple_lock", result);
        }
    });
}

bool Table::is_own_change() const {
    bool should_free;
    return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(ExecFetchSlotHeapTuple(row_, false, &should_free)->t_data));
}

// The scan sets the hint bit, but not before the commit record is on disk (SetHintBits in heapam_visibility.c).
bool Table::may_be_lost() const {
    bool should_free;
    const HeapTupleHeader header = ExecFetchSlotHeapTuple(row_, false, &should_free)->t_data;
    return !HeapTupleHeaderXminCommitted(header) && !is_own_change();
}

Value Table::get(int column) {
    Value value;
    guarded([&] { value.datum = slot_getattr(row_, column, &value.null); });
    return value;
}

std::int64_t Table::int8(int column) {
    return guarded([&] {
        check_column(relation_, column, ColumnType::number);
        bool null;
        return DatumGetInt64(slot_getattr(row_, column, &null));
    });
}

std::optional<std::string> Table::text(int column) {
    guarded([&] { check_column(relation_, column, ColumnType::text); });
    const Value value = get(column);
    if (value.null) return std::nullopt;
    return std::string(view_of_text(value.datum));
}

std::string Table::bytes(int column) {
    guarded([&] { check_column(relation_, column, ColumnType::bytes); });
    const Value value = get(column);
    // A bytea has the form of a text.
    return value.null ? std::string() : std::string(view_of_text(value.datum));
}

DateADT Table::date(int column) {
    guarded([&] { check_column(relation_, column, ColumnType::date); });
    return DatumGetDateADT(get(column).datum);
}

HeapTuple Table::copy_row(MemoryContext home) {
    return guarded([&] {
        const MemoryContext outer = MemoryContextSwitchTo(home);
        HeapTuple const copy = ExecCopySlotHeapTuple(row_);
        MemoryContextSwitchTo(outer);
        return copy;
    });
}

HeapTuple Table::update(HeapTuple row, std::initializer_list<Change> changes, MemoryContext home) {
    return guarded([&] {
        constexpr int max_changes = 8;
        int columns[max_changes];
        Datum values[max_changes];
        bool nulls[max_changes] = {};
        int n = 0;
        for (const Change& change : changes) {
            check_column(relation_, change.column, ColumnType::number);
            columns[n] = change.column;
            values[n++] = change.datum;
        }
        const MemoryContext outer = MemoryContextSwitchTo(home);
        HeapTuple const changed = heap_modify_tuple_by_cols(row, relation_->rd_att, n, columns, values, nulls);
        MemoryContextSwitchTo(outer);
        // Only this transaction can have changed the row in between, by a statement of its own on this table. Then this raises an error.
        update_tuple(relation_, &row->t_self, changed);
        CommandCounterIncrement();
        return changed;
    });
}

TableScan::TableScan(const char* table, const char* index, std::initializer_list<Condition> conditions) {
    guarded([&] {
        relation_ = open(table, AccessShareLock);
        constexpr int max_conditions = 4;
        ScanKeyData keys[max_conditions];
        int n = 0;
        for (const Condition& condition : conditions) {
            const bool text = condition.type == TEXTOID;
            check_column(relation_, condition.column, text ? ColumnType::text : ColumnType::number);
            switch (condition.is) {
                case Is::equal:
                    ScanKeyInit(&keys[n], condition.column, BTEqualStrategyNumber, text ? F_TEXTEQ : F_INT8EQ, condition.value);
                    break;
                case Is::above:
                    ScanKeyInit(&keys[n], condition.column, BTGreaterStrategyNumber, text ? F_TEXT_GT : F_INT8GT, condition.value);
                    break;
                case Is::up_to:
                    ScanKeyInit(&keys[n], condition.column, BTLessEqualStrategyNumber, text ? F_TEXT_LE : F_INT8LE, condition.value);
                    break;
            }
            ++n;
        }
        // Somebody may have dropped the index. Then the scan looks at every row.
        const Oid found = find_own_relation(index);
        scan_ = systable_beginscan(relation_, found, OidIsValid(found), GetActiveSnapshot(), n, keys);
    });
}

TableScan::~TableScan() {
    systable_endscan(scan_);
    table_close(relation_, NoLock);
}

bool TableScan::next() {
    row_ = guarded([this] { return systable_getnext(scan_); });
    return HeapTupleIsValid(row_);
}

Datum TableScan::get(int column) const {
    return guarded([&] {
        bool null;
        const Datum datum = heap_getattr(row_, column, relation_->rd_att, &null);
        if (null) elog(ERROR, "column %d of \"%s\" is null", column, RelationGetRelationName(relation_));
        return datum;
    });
}

std::int64_t TableScan::int8(int column) const {
    guarded([&] { check_column(relation_, column, ColumnType::number); });
    return DatumGetInt64(get(column));
}

Oid TableScan::oid(int column) const { return DatumGetObjectId(get(column)); }

bool TableScan::is_null(int column) const { return column > relation_->rd_att->natts || heap_attisnull(row_, column, relation_->rd_att); }

std::string TableScan::text(int column) const {
    guarded([&] { check_column(relation_, column, ColumnType::text); });
    return std::string(view_of_text(get(column)));
}

// Under a snapshot of its own, as the catalogs are read. It is a new one for each scan of a table that is no catalog (GetCatalogSnapshot).
TableState::TableState(const char* table) {
    struct Found {
        Row* rows;
        int count;
    };
    const Found found = guarded([table] {
        Relation const relation = open(table, AccessShareLock);
        SysScanDesc const scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
        int room = 32;
        Found read{static_cast<Row*>(palloc(room * sizeof(Row))), 0};
        for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
            if (read.count == room) read.rows = static_cast<Row*>(repalloc(read.rows, (room *= 2) * sizeof(Row)));
            read.rows[read.count++] = {ItemPointerGetBlockNumber(&row->t_self), ItemPointerGetOffsetNumber(&row->t_self),
                                       HeapTupleHeaderGetRawXmin(row->t_data), HeapTupleHeaderXminFrozen(row->t_data)};
        }
        systable_endscan(scan);
        table_close(relation, AccessShareLock);
        return read;
    });
    rows_.emplace(found.rows, found.rows + found.count);
    pfree(found.rows);
}

// A transaction gives up the lock of its id when it has sent its messages.
void TableState::await_messages() const {
    for (const Row& row : *rows_)
        guarded([writer = row.writer, frozen = row.frozen] {
            if (!frozen && TransactionIdIsNormal(writer) && !TransactionIdIsCurrentTransactionId(writer))
                XactLockTableWait(writer, nullptr, nullptr, XLTW_None);
        });
    guarded([] { AcceptInvalidationMessages(); });
}

}  // namespace replicache::pg
