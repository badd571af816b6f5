#include "engine/tracking/row_version.h"

extern "C" {
#include "access/sysattr.h"
#include "access/tupmacs.h"
#include "executor/tuptable.h"
#include "utils/datum.h"
}

namespace replicache::engine {

// True also for columns that do not count: dropped ones, and generated ones, which are computed later from the others.
static bool is_same_value(const TriggerData& trigger, int number) {
    const FormData_pg_attribute& column = *TupleDescAttr(trigger.tg_relation->rd_att, number - 1);
    if (column.attisdropped || column.attgenerated != '\0') return true;
    bool null_now, null_before;
    const Datum now = slot_getattr(trigger.tg_newslot, number, &null_now), before = slot_getattr(trigger.tg_trigslot, number, &null_before);
    return null_now == null_before && (null_now || datum_image_eq(now, before, column.attbyval, column.attlen));
}

// First as suppress_redundant_updates_trigger does (utils/adt/trigfuncs.c). But rows that are older than the newest columns, or compressed
// differently, can be the same, too.
bool is_same_row(const TriggerData& trigger) {
    HeapTuple const a = trigger.tg_newtuple, b = trigger.tg_trigtuple;
    const HeapTupleHeader x = a->t_data, y = b->t_data;
    if (a->t_len == b->t_len && x->t_hoff == y->t_hoff && HeapTupleHeaderGetNatts(x) == HeapTupleHeaderGetNatts(y) &&
        (x->t_infomask & ~HEAP_XACT_MASK) == (y->t_infomask & ~HEAP_XACT_MASK) &&
        std::memcmp(reinterpret_cast<char*>(x) + SizeofHeapTupleHeader, reinterpret_cast<char*>(y) + SizeofHeapTupleHeader,
                    a->t_len - SizeofHeapTupleHeader) == 0)
        return true;
    // The columns that the statement sets come first: one of them is nearly always another.
    for (int i = -1; (i = bms_next_member(trigger.tg_updatedcols, i)) >= 0;)
        if (!is_same_value(trigger, i + FirstLowInvalidHeapAttributeNumber)) return false;
    for (int column = 1; column <= trigger.tg_relation->rd_att->natts; ++column)
        if (!is_same_value(trigger, column)) return false;
    return true;
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
