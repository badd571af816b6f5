#include "pg/many_rows.h"

#include "pg/compat.h"
#include "pg/datum.h"
#include "pg/own_table.h"

extern "C" {
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace replicache::pg {
namespace {

// Looking up one text costs as much as reading the rows of a quarter of a page.
constexpr std::size_t texts_per_page = 4;

// A column that is NOT NULL, unless a superuser has altered it.
Datum required_column(TupleTableSlot* row, int column) {
    bool null;
    const Datum datum = slot_getattr(row, column, &null);
    if (null)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("unexpected null in a table of replicache_ext"),
                        errhint("%s", not_to_be_altered)));
    return datum;
}

// `home`: where a text that was compressed is put.
std::string_view text_column(TupleTableSlot* row, int column, MemoryContext home) {
    const Datum datum = required_column(row, column);
    const MemoryContext outer = MemoryContextSwitchTo(home);
    const text* const found = DatumGetTextPP(datum);
    MemoryContextSwitchTo(outer);
    return {VARDATA_ANY(found), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(found))};
}

}  // namespace

ManyRows::ManyRows(const char* table, const char* index, int column, std::span<const std::string_view> wanted, const Find& find)
    : column_(column), wanted_(wanted), find_(find) {
    guarded([&] {
        const Oid oid = find_own_relation(table);
        if (!OidIsValid(oid)) raise_missing(table);
        scratch_ = AllocSetContextCreate(CurrentMemoryContext, "replicache rows", ALLOCSET_SMALL_SIZES);
        relation_ = table_open(oid, AccessShareLock);
        check_column(relation_, column, ColumnType::text);
        row_ = table_slot_create(relation_, nullptr);
        const Oid found = find_own_relation(index);
        if (wanted.size() / texts_per_page < RelationGetNumberOfBlocks(relation_) && OidIsValid(found) &&
            get_rel_relkind(found) == RELKIND_INDEX) {
            index_ = index_open(found, AccessShareLock);
            if (!use_index(index_)) {
                index_close(index_, NoLock);
                index_ = nullptr;
            }
        }
        if (index_ != nullptr)
            some_ = begin_index_scan(relation_, index_, GetActiveSnapshot(), 1);
        else
            all_ = begin_table_scan(relation_, GetActiveSnapshot());
    });
}

ManyRows::~ManyRows() {
    if (all_ != nullptr) table_endscan(all_);
    if (some_ != nullptr) index_endscan(some_);
    if (index_ != nullptr) index_close(index_, NoLock);
    ExecDropSingleTupleTableSlot(row_);
    table_close(relation_, NoLock);  // locks stay until the end of the transaction
    MemoryContextDelete(scratch_);
}

// A superuser may have put another index in the place of ours.
bool ManyRows::use_index(Relation index) const {
    const FormData_pg_index& form = *index->rd_index;
    return form.indrelid == RelationGetRelid(relation_) && form.indisvalid && index->rd_rel->relam == BTREE_AM_OID &&
           form.indkey.values[0] == column_ && index->rd_indcollation[0] == C_COLLATION_OID && RelationGetIndexPredicate(index) == NIL;
}

bool ManyRows::next() {
    return guarded([this] { return index_ != nullptr ? next_by_index() : next_of_all(); });
}

bool ManyRows::next_by_index() {
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        if (begun_ > 0 && index_getnext_slot(some_, ForwardScanDirection, row_)) return true;
        if (begun_ == wanted_.size()) return false;
        number_ = begun_++;
        MemoryContextReset(scratch_);
        const MemoryContext outer = MemoryContextSwitchTo(scratch_);
        const Datum wanted = unguarded_text_datum(wanted_[number_]);
        MemoryContextSwitchTo(outer);
        ScanKeyData key;
        ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID, F_TEXTEQ, wanted);
        index_rescan(some_, &key, 1, nullptr, 0);
    }
}

bool ManyRows::next_of_all() {
    while (table_scan_getnextslot(all_, ForwardScanDirection, row_)) {
        CHECK_FOR_INTERRUPTS();
        MemoryContextReset(scratch_);
        const std::ptrdiff_t number = find_(text_column(row_, column_, scratch_));
        if (number < 0) continue;
        number_ = static_cast<std::size_t>(number);
        return true;
    }
    return false;
}

std::string_view ManyRows::text(int column) {
    return guarded([&] {
        check_column(relation_, column, ColumnType::text);
        return text_column(row_, column, scratch_);
    });
}

std::int64_t ManyRows::int8(int column) {
    return guarded([&] {
        check_column(relation_, column, ColumnType::number);
        return DatumGetInt64(required_column(row_, column));
    });
}

bool ManyRows::is_null(int column) {
    return guarded([&] { return slot_attisnull(row_, column); });
}

}  // namespace replicache::pg
