#include "engine/rows/pending_rows.h"

#include "pg/compat.h"

namespace replicache::engine {
namespace {

using pg::guarded;

// How much waits at most.
constexpr std::size_t max_rows = 1000;
constexpr std::size_t max_bytes = 1 << 20;

}  // namespace

PendingRows::PendingRows(const TableShape& shape)
    : shape_(shape),
      context_(guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache pending rows", ALLOCSET_DEFAULT_SIZES); })) {}

bool PendingRows::has_room_for(const ParsedChange& change) const { return count_ < max_rows && bytes_ + change.bytes < max_bytes; }

// The key of a new row may come from a default.
bool PendingRows::is_keyed(const ParsedChange& change) const {
    return shape_.set_wise.by_key && change.form.kind() != RowChange::Kind::insert;
}

bool PendingRows::has_row_of(const ParsedChange& change) const { return is_keyed(change) && keys_.contains(key_of(change)); }

void PendingRows::add(const ParsedChange& change, TupleDesc row) {
    if (is_keyed(change)) keys_.insert(key_of(change));
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
    guarded([&] {
        if (rows_ == nullptr) {
            MemoryContext const outer = MemoryContextSwitchTo(context_.get());
            rows_ = tuplestore_begin_heap(false, false, MAX_KILOBYTES);
            MemoryContextSwitchTo(outer);
        }
        tuplestore_putvalues(rows_, row, values.data(), nulls.data());
    });
    ++count_;
    bytes_ += change.bytes;
}

void PendingRows::clear() {
    count_ = bytes_ = 0;
    keys_.clear();
    if (rows_ != nullptr) MemoryContextReset(context_.get());  // that is all: the tuplestore never goes to disk
    rows_ = nullptr;
}

// This is no SpiConnection. After an error its destructor would close the connection of a trigger that has failed. The caller rolls back,
// which closes all of them.
void PendingRows::connect(TupleDesc row) const {
    guarded([&] {
        SPI_connect();
        auto* const waiting = static_cast<EphemeralNamedRelationData*>(palloc0(sizeof(EphemeralNamedRelationData)));
        waiting->md.name = pstrdup("waiting");
        waiting->md.tupdesc = row;
        waiting->md.enrtype = ENR_NAMED_TUPLESTORE;
        waiting->md.enrtuples = 1;
        waiting->reldata = rows_;
        SPI_register_relation(waiting);
    });
}

// The bytes of the values of the primary key.
std::string PendingRows::key_of(const ParsedChange& change) const {
    std::string key;
    for (const TableShape::Key& part : shape_.key) {
        const pg::Value& value = change.fields[part.column].value;
        key += value.null ? 'n' : 'v';
        if (value.null) continue;
        const auto append = [&key](const void* data, std::size_t size) {
            key.append(reinterpret_cast<const char*>(&size), sizeof size);
            key.append(static_cast<const char*>(data), size);
        };
        if (part.by_value)
            append(&value.datum, sizeof value.datum);
        else if (part.length > 0)
            append(DatumGetPointer(value.datum), part.length);
        else if (part.length == -1)  // just made, so it is neither compressed nor stored elsewhere
            append(VARDATA_ANY(DatumGetPointer(value.datum)), VARSIZE_ANY_EXHDR(DatumGetPointer(value.datum)));
        else
            append(DatumGetCString(value.datum), std::strlen(DatumGetCString(value.datum)));
    }
    return key;
}

}  // namespace replicache::engine
