#include "pg/waiting_rows.h"

#include "pg/border.h"

namespace replicache::pg {

WaitingRows::WaitingRows()
    : context_(guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache waiting rows", ALLOCSET_DEFAULT_SIZES); })) {}

void WaitingRows::add(TupleDesc row, const Datum* values, const bool* nulls) {
    guarded([&] {
        if (rows_ == nullptr) {
            MemoryContext const outer = MemoryContextSwitchTo(context_.get());
            rows_ = tuplestore_begin_heap(false, false, MAX_KILOBYTES);
            MemoryContextSwitchTo(outer);
        }
        // PostgreSQL 15 and 16 declare them as if it wrote to them.
        tuplestore_putvalues(rows_, row, const_cast<Datum*>(values), const_cast<bool*>(nulls));
    });
    ++count_;
}

void WaitingRows::clear() {
    count_ = 0;
    if (rows_ != nullptr) MemoryContextReset(context_.get());  // that is all: the tuplestore never goes to disk
    rows_ = nullptr;
}

EphemeralNamedRelation WaitingRows::relation(TupleDesc row, double expected) const {
    auto* const waiting = static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
    waiting->md.name = pstrdup(name);
    waiting->md.tupdesc = row;
    waiting->md.enrtype = ENR_NAMED_TUPLESTORE;
    waiting->md.enrtuples = expected;
    waiting->reldata = rows_;
    return waiting;
}

}  // namespace replicache::pg
