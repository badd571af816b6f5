#include "engine/rows/pending_rows.h"

#include "pg/compat.h"

extern "C" {
#include "access/table.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

}  // namespace

void PendingRows::add(const ParsedChange& change, TupleDesc row) {
    std::array<Datum, 2 * MaxHeapAttributeNumber> values;
    std::array<bool, 2 * MaxHeapAttributeNumber> nulls;
    int n = 0;
    const auto put = [&](const pg::Value& value) {
        values[n] = value.datum;
        nulls[n++] = value.null;
    };
    for (std::size_t i = 0; i < change.fields.size(); ++i) {
        if (change.form.has_value(i)) put(change.fields[i].value);
        if (change.form.has_old(i)) put(change.fields[i].old);
    }
    if (n < row->natts) put(pg::value(static_cast<std::int64_t>(count())));  // waiting_number
    rows_.add(row, values.data(), nulls.data());
}

// This is no SpiConnection. After an error its destructor would close the connection of a trigger that has failed. The caller rolls back,
// which closes all of them.
void PendingRows::connect(TupleDesc row) const {
    guarded([&] {
        SPI_connect();
        SPI_register_relation(rows_.relation(row, 1));
    });
}

// Without triggers and rules of others, none is called by an UPDATE of no row. Row-level security can only hide a row that is there.
// Compare RelationFindReplTupleByIndex (executor/execReplication.c).
bool PendingRows::is_surely_new(const ChangeForm& form, TupleDesc row) const {
    if (!shape_.set_wise.changes || shape_.set_wise.triggers || !shape_.set_wise.by_key || count() != 1) return false;
    const int columns = static_cast<int>(shape_.key.size());
    AttrNumber places[INDEX_MAX_KEYS];  // of the key in "waiting"
    for (int k = 0; k < columns; ++k) {
        const std::size_t column = shape_.key[k].column;
        if (!form.has_value(column)) return false;
        places[k] = 1;
        for (std::size_t i = 0; i < column; ++i) places[k] += form.has_value(i) + form.has_old(i);
    }
    return guarded([&, places = &places[0]] {
        TupleTableSlot* const change = MakeSingleTupleTableSlot(row, &TTSOpsMinimalTuple);
        tuplestore_select_read_pointer(rows_.rows(), 0);
        tuplestore_rescan(rows_.rows());
        Relation const table = table_open(shape_.table.relation, NoLock);  // it is locked
        Relation const index = index_open(pg::primary_key_index(table), AccessShareLock);
        bool null = !tuplestore_gettupleslot(rows_.rows(), true, false, change);
        ScanKeyData wanted[INDEX_MAX_KEYS];
        for (int k = 0; k < columns && !null; ++k) {
            const Datum value = slot_getattr(change, places[k], &null);
            ScanKeyEntryInitialize(&wanted[k], 0, static_cast<AttrNumber>(k + 1), BTEqualStrategyNumber, InvalidOid,
                                   index->rd_indcollation[k], shape_.key[k].is_equal, value);
        }
        bool found = null;
        if (!null) {
            IndexScanDesc const scan = pg::begin_index_scan(table, index, GetActiveSnapshot(), columns);
            index_rescan(scan, wanted, columns, nullptr, 0);
            found = index_getnext_tid(scan, ForwardScanDirection) != nullptr;
            index_endscan(scan);
        }
        index_close(index, NoLock);
        table_close(table, NoLock);
        ExecDropSingleTupleTableSlot(change);
        return !found;
    });
}

}  // namespace replicache::engine
