// The changes that wait in a RowWriter, to be written by one statement.
#include "engine/rows/row_writer.h"
#include "pg/compat.h"

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

// Clients choose the sets of columns that they change.
constexpr std::size_t max_forms = 100;

// How much waits at most.
constexpr std::size_t max_rows = 1000;
constexpr std::size_t max_bytes = 1 << 20;

}  // namespace

void RowWriter::begin() {
    if (busy_)
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "a trigger of \"" + table_.name + "\" cannot have clients' changes of it applied", {},
                       "Write the row by plain SQL.");
    // READ COMMITTED writes under snapshots that are younger than the table's lock. To others, all rows could be missing.
    if (IsolationUsesXactSnapshot() && storage_.is_newer_than(guarded([] { return GetTransactionSnapshot(); })))
        refuse_old_snapshot(table_.relation);
    busy_ = true;
}

void RowWriter::end() {
    busy_ = false;
    forget_waiting();
}

void RowWriter::forget_waiting() {
    form_ = nullptr;
    waiting_ = bytes_ = 0;
    keys_.clear();
    if (rows_ != nullptr) MemoryContextReset(rows_context_);  // nothing of it is anywhere else: it never gets to disk
    rows_ = nullptr;
}

bool RowWriter::fits() const {
    if (form_ == nullptr) return true;
    // What becomes of a row that is changed twice is for two statements.
    return form_->kind == kind_ && form_->columns == columns_at_hand() && waiting_ < max_rows && bytes_ < max_bytes &&
           (kind_ == RowChange::Kind::insert || !keys_.contains(key_at_hand()));
}

bool RowWriter::may_wait() const {
    const RowChange::Kind kind = form_->kind;
    if (kind == RowChange::Kind::remove ? !set_wise_.removes : !set_wise_.changes) return false;
    if (kind != RowChange::Kind::insert && !set_wise_.by_key) return false;
    const auto prepared = [](const Plan& plan) { return static_cast<bool>(plan.plan); };
    return std::any_of(form_->plans.begin(), form_->plans.end(), prepared) &&
           std::all_of(form_->plans.begin(), form_->plans.end(), [&](const Plan& plan) { return !prepared(plan) || plan.set_wise; });
}

void RowWriter::add() {
    if (form_ == nullptr) form_ = &form_at_hand();
    if (set_wise_.by_key && kind_ != RowChange::Kind::insert) keys_.insert(key_at_hand());
    std::array<Datum, 2 * MaxHeapAttributeNumber> values;
    std::array<bool, 2 * MaxHeapAttributeNumber> nulls;
    int n = 0;
    const auto put = [&](const pg::Value& value) {
        values[n] = value.datum;
        nulls[n++] = value.null;
    };
    for (const Column& column : columns_) {
        if (column.given) put(column.value);
        if (column.old_given) put(column.old);
    }
    guarded([&] {
        if (rows_ == nullptr) {
            MemoryContext const outer = MemoryContextSwitchTo(rows_context_);
            rows_ = tuplestore_begin_heap(false, false, MAX_KILOBYTES);
            MemoryContextSwitchTo(outer);
        }
        tuplestore_putvalues(rows_, form_->row, values.data(), nulls.data());
    });
    ++waiting_;
}

void RowWriter::write(bool put_off) {
    put_off_ = put_off;
    const std::string at_hand = columns_at_hand();
    recall(form_->columns);
    open();
    switch (form_->kind) {
        case RowChange::Kind::insert: insert(); break;
        case RowChange::Kind::upsert: upsert(); break;
        case RowChange::Kind::update: update(); break;
        case RowChange::Kind::remove: remove(); break;
    }
    guarded([] { SPI_finish(); });
    forget_waiting();
    recall(at_hand);
}

// The connection to SPI whose statements find what waits. No SpiConnection: after an error its end would close the one of a trigger that
// has failed. The caller rolls back, which closes all.
void RowWriter::open() {
    guarded([this] {
        SPI_connect();
        auto* const waiting = static_cast<EphemeralNamedRelationData*>(palloc0(sizeof(EphemeralNamedRelationData)));
        waiting->md.name = pstrdup("waiting");
        waiting->md.tupdesc = form_->row;
        waiting->md.enrtype = ENR_NAMED_TUPLESTORE;
        waiting->md.enrtuples = 1;
        waiting->reldata = rows_;
        SPI_register_relation(waiting);
    });
}

// Whoever sent several changes writes them again, one by one.
void RowWriter::refuse_set() const {
    throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "rows of \"" + table_.name + "\" are to be written one by one");
}

std::string RowWriter::columns_at_hand() const {
    std::string columns;
    for (const Column& column : columns_) columns += static_cast<char>('0' + column.given + 2 * column.old_given);
    return columns;
}

void RowWriter::recall(const std::string& columns) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        columns_[i].given = (columns[i] & 1) != 0;
        columns_[i].old_given = (columns[i] & 2) != 0;
    }
}

RowWriter::Form& RowWriter::form_at_hand() {
    std::string columns = columns_at_hand();
    const std::string name = std::string(owner_.empty() ? "" : "own ") + static_cast<char>(kind_) + columns;
    if (const auto it = forms_.find(name); it != forms_.end()) return it->second;
    if (forms_.size() >= max_forms) forget_forms();
    return forms_.emplace(name, Form{.kind = kind_, .columns = std::move(columns), .row = describe()}).first->second;
}

// The table that a statement reads: c… is the value of a column, o… what the client had before.
TupleDesc RowWriter::describe() const {
    int n = 0;
    for (const Column& column : columns_) n += column.given + column.old_given;
    return guarded([&] {
        MemoryContext const outer = MemoryContextSwitchTo(context_);
        TupleDesc const row = CreateTemplateTupleDesc(n);
        AttrNumber next = 1;
        const auto add = [&](const Column& column, char prefix) {
            char name[16];
            snprintf(name, sizeof name, "~%c%d", prefix, column.number);
            TupleDescInitEntry(row, next, name, column.type, column.typmod, 0);
            TupleDescInitEntryCollation(row, next++, column.collation);
        };
        for (const Column& column : columns_) {
            if (column.given) add(column, 'c');
            if (column.old_given) add(column, 'o');
        }
        pg::complete(row);
        MemoryContextSwitchTo(outer);
        return row;
    });
}

void RowWriter::forget_forms() {
    for (auto& [name, form] : forms_) FreeTupleDesc(form.row);
    forms_.clear();
}

// The bytes of the key's values.
std::string RowWriter::key_at_hand() const {
    std::string key;
    for (const Key& k : key_) {
        const pg::Value& value = columns_[k.column].value;
        key += value.null ? 'n' : 'v';
        if (value.null) continue;
        const auto append = [&key](const void* data, std::size_t size) {
            key.append(reinterpret_cast<const char*>(&size), sizeof size);
            key.append(static_cast<const char*>(data), size);
        };
        if (k.by_value)
            append(&value.datum, sizeof value.datum);
        else if (k.length > 0)
            append(DatumGetPointer(value.datum), k.length);
        else if (k.length == -1)  // just made, so neither compressed nor elsewhere
            append(VARDATA_ANY(DatumGetPointer(value.datum)), VARSIZE_ANY_EXHDR(DatumGetPointer(value.datum)));
        else
            append(DatumGetCString(value.datum), std::strlen(DatumGetCString(value.datum)));
    }
    return key;
}

}  // namespace replicache::engine
