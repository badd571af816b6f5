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

std::string_view view_of(const varlena* text) { return {VARDATA_ANY(text), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(text))}; }

bool is_plain(Datum text) {
    const void* const pointer = DatumGetPointer(text);
    return !VARATT_IS_EXTERNAL(pointer) && !VARATT_IS_COMPRESSED(pointer);
}

// `home`: where a text that was compressed is put.
std::string_view detoast(Datum text, MemoryContext home) {
    const MemoryContext outer = MemoryContextSwitchTo(home);
    const varlena* const plain = PG_DETOAST_DATUM_PACKED(text);
    MemoryContextSwitchTo(outer);
    return view_of(plain);
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
    return guarded([this] {
        if (!(index_ != nullptr ? next_by_index() : next_of_all())) return false;
        slot_getallattrs(row_);
        return true;
    });
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
        bool null;
        const Datum text = slot_getattr(row_, column_, &null);
        if (null) continue;
        const std::ptrdiff_t number =
            find_(is_plain(text) ? view_of(reinterpret_cast<const varlena*>(DatumGetPointer(text))) : detoast(text, scratch_));
        if (number < 0) continue;
        number_ = static_cast<std::size_t>(number);
        return true;
    }
    return false;
}

// Columns are NOT NULL, unless a superuser has altered them.
Datum ManyRows::value(int column, bool is_text) {
    const std::uint32_t bit = std::uint32_t{1} << column;
    if ((checked_ & bit) == 0) guarded([&] { check_column(relation_, column, is_text ? ColumnType::text : ColumnType::number); });
    checked_ |= bit;
    if (!row_->tts_isnull[column - 1]) return row_->tts_values[column - 1];
    refuse_null();
}

std::string_view ManyRows::text(int column) {
    const Datum text = value(column, true);
    if (is_plain(text)) return view_of(reinterpret_cast<const varlena*>(DatumGetPointer(text)));
    return guarded([&] { return detoast(text, scratch_); });
}

std::int64_t ManyRows::int8(int column) { return DatumGetInt64(value(column, false)); }

bool ManyRows::is_null(int column) { return row_->tts_isnull[column - 1]; }

}  // namespace replicache::pg
