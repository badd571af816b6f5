// New rows of one of the extension's own tables, written together. They share pages, records of the WAL, and the look-up of the table and
// its indexes.
//
// Like Table, it checks no privileges and fires no triggers. All of it runs guarded. An error leaves nothing behind but memory of the
// context.
#pragma once

#include "pg/datum.h"

extern "C" {
#include "executor/tuptable.h"
#include "utils/relcache.h"
}

namespace replicache::pg {

class RowBatch {
public:
    // The context must live until the rows are written.
    RowBatch(const char* table, MemoryContext home) : table_(table), home_(home) {}

    // Takes one value per column. Values of columns that an older version of the extension does not have are left out. If many rows wait,
    // it writes them.
    void add(std::initializer_list<Value> values);
    void write();

private:
    static constexpr int max_rows = 100;  // about as many as fit into a page

    void open();

    const char* table_;
    MemoryContext home_;
    Relation relation_ = nullptr;  // null: nothing waits
    TupleDesc row_ = nullptr;
    TupleTableSlot* slots_[max_rows];  // those that rows have used
    int slot_count_ = 0;
    int count_ = 0;
};

// Adds a single row. A key that exists already is an error. Guards itself.
inline void insert_row(const char* table, std::initializer_list<Value> values) {
    guarded([&] {
        RowBatch batch(table, CurrentMemoryContext);
        batch.add(values);
        batch.write();
    });
}

// Adds the entries of these rows to all indexes of their table. `heap_only`: only to those that need one after a HOT update. It runs
// guarded.
void insert_into_indexes(Relation relation, std::span<TupleTableSlot* const> rows, bool heap_only);

}  // namespace replicache::pg
