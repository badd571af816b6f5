// Rows of the extension's own tables by primary key, without SQL. Every push does the same few look-ups and updates; through
// SPI each of them costs several times as much.
//
// No privileges are checked and no triggers fired: for bookkeeping only. The primary key is one text column, the first.
#pragma once

#include "pg/datum.h"

extern "C" {
#include "access/genam.h"
}

namespace replicache::pg {

class Table {
public:
    enum class Access { read, write };
    Table(const char* name, Access access);
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    // Whether there is one of this name: a database may not have had its ALTER EXTENSION … UPDATE yet.
    static bool exists(const char* name);
    bool has_column(int column) const { return column <= relation_->rd_att->natts; }

    // Finds the row of this key under the active snapshot.
    bool find(std::string_view key);
    // Whether there is one now, whatever the transaction's snapshot.
    bool find_latest(std::string_view key);
    // The greatest number in this column of the row, also where the transaction that has written it has not ended yet.
    std::int64_t greatest(std::string_view key, int column);
    // Locks the latest version of the row until the end of the transaction, as SELECT … FOR NO KEY UPDATE does
    // (nodeLockRows.c). Throws 40001 when the transaction's snapshot is older.
    bool lock(std::string_view key);
    // The same, but a row whose text in this column is free of locks is only found.
    bool lock_unless(std::string_view key, int column, bool (*is_free)(std::string_view text));

    // Whether a crash could still undo the transaction that wrote the row found: it committed with
    // synchronous_commit = off, and not long ago.
    bool may_be_lost() const;

    // A column, from 1, of the row found or locked.
    Value get(int column);
    std::int64_t int8(int column);
    std::optional<std::string> text(int column);

    // A copy of the row found or locked, made in this context.
    HeapTuple copy_row(MemoryContext home);

    struct Change {
        int column;
        Datum datum;
    };
    // Changes columns of a row that this transaction has locked; no key and no other indexed column. Returns the row as it is
    // then, made in this context.
    HeapTuple update(HeapTuple row, std::initializer_list<Change> changes, MemoryContext home);
    // One value per column; those of columns that an older version of the extension has not got are left out. A key that exists
    // is an error.
    void insert(std::initializer_list<Value> values);

private:
    template <class Visit>
    void scan(std::string_view key, Snapshot snapshot, Visit&& visit);
    bool scan(std::string_view key, Snapshot snapshot);

    Relation relation_;
    TupleTableSlot* row_;
};

// Rows of one of the extension's own tables under the active snapshot, found by an index of it.
class TableScan {
public:
    enum class Is { equal, above, up_to };
    struct Condition {
        int column;
        Oid type;  // text or int8
        Is is;
        Datum value;
    };
    TableScan(const char* table, const char* index, std::initializer_list<Condition> conditions);
    ~TableScan();
    TableScan(const TableScan&) = delete;
    TableScan& operator=(const TableScan&) = delete;

    // Goes to the next row; false behind the last one.
    bool next();
    std::int64_t int8(int column) const;
    std::string text(int column) const;
    Oid oid(int column) const;
    bool is_null(int column) const;

private:
    Datum get(int column) const;

    Relation relation_;
    SysScanDesc scan_;
    HeapTuple row_ = nullptr;
};

}  // namespace replicache::pg
