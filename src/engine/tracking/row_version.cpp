#include "engine/tracking/row_version.h"

extern "C" {
#include "access/tupmacs.h"
#include "utils/datum.h"
}

namespace replicache::engine {

// First as suppress_redundant_updates_trigger does (utils/adt/trigfuncs.c). But rows that are older than the newest columns, or compressed
// differently, can be the same, too.
bool same_row(HeapTuple a, HeapTuple b, TupleDesc descriptor) {
    const HeapTupleHeader x = a->t_data, y = b->t_data;
    if (a->t_len == b->t_len && x->t_hoff == y->t_hoff && HeapTupleHeaderGetNatts(x) == HeapTupleHeaderGetNatts(y) &&
        (x->t_infomask & ~HEAP_XACT_MASK) == (y->t_infomask & ~HEAP_XACT_MASK) &&
        std::memcmp(reinterpret_cast<char*>(x) + SizeofHeapTupleHeader, reinterpret_cast<char*>(y) + SizeofHeapTupleHeader,
                    a->t_len - SizeofHeapTupleHeader) == 0)
        return true;
    const int n = descriptor->natts;
    auto* values = static_cast<Datum*>(palloc(2 * n * sizeof(Datum)));
    auto* nulls = static_cast<bool*>(palloc(2 * n));
    heap_deform_tuple(a, descriptor, values, nulls);
    heap_deform_tuple(b, descriptor, values + n, nulls + n);
    bool same = true;
    for (int i = 0; i < n && same; ++i) {
        const FormData_pg_attribute& column = *TupleDescAttr(descriptor, i);
        // Generated columns are not computed yet, and follow from the others.
        if (column.attisdropped || column.attgenerated != '\0') continue;
        same = nulls[i] == nulls[n + i] && (nulls[i] || datum_image_eq(values[i], values[n + i], column.attbyval, column.attlen));
    }
    pfree(values);
    pfree(nulls);
    return same;
}

// The column is nearly always there and not null. Then eight bytes of a plain copy change, which costs a third of forming the tuple anew.
// After nocachegetattr in heaptuple.c.
HeapTuple with_version(HeapTuple row, TupleDesc descriptor, int column, std::int64_t version) {
    const HeapTupleHeader header = row->t_data;
    if (heap_attisnull(row, column, nullptr) || HeapTupleHeaderGetNatts(header) < column) {
        Datum datum = Int64GetDatum(version);
        bool null = false;
        return heap_modify_tuple_by_cols(row, descriptor, 1, &column, &datum, &null);
    }
    HeapTuple const copy = heap_copytuple(row);
    char* const data = reinterpret_cast<char*>(copy->t_data) + header->t_hoff;
    std::size_t offset = 0;
    for (int i = 0;; ++i) {
        if (HeapTupleHasNulls(row) && att_isnull(i, header->t_bits)) continue;
        Form_pg_attribute const attribute = TupleDescAttr(descriptor, i);
        offset = att_align_pointer(offset, attribute->attalign, attribute->attlen, data + offset);
        if (i == column - 1) break;
        offset = att_addlength_pointer(offset, attribute->attlen, data + offset);
    }
    std::memcpy(data + offset, &version, sizeof version);
    return copy;
}

}  // namespace replicache::engine
