// Rows of the extension's own tables by primary key, without SQL. Every push does the same few look-ups and updates. Through SPI, each of
// them would cost several times as much.
//
// No privileges are checked and no triggers are fired, so this is for bookkeeping only. The primary key is the first column, of type text.
#pragma once

#include "pg/datum.h"

extern "C" {
#include "access/genam.h"
#include "utils/date.h"
}

namespace replicache::pg {

class Table {
public:
    enum class Access { read, write };
    Table(const char* name, Access access);
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    // Whether the table exists. It may be missing in a database before ALTER EXTENSION … UPDATE.
    static bool exists(const char* name);
    bool has_column(int column) const { return column <= relation_->rd_att->natts; }

    // Finds the row with this key under the active snapshot.
    bool find(std::string_view key);
    // Finds the row as it is committed now, even if the transaction's snapshot is older.
    bool find_latest(std::string_view key);
    // The greatest number in this column of the row. Versions of the row by transactions that have not ended count, too.
    std::int64_t greatest(std::string_view key, int column);
    // Locks the latest version of the row until the end of the transaction, as SELECT … FOR NO KEY UPDATE does
    // (nodeLockRows.c). Throws 40001 when the transaction's snapshot is older.
    bool lock(std::string_view key);
    // The same, but if `is_free` accepts the text of this column, the row is only found, and not locked.
    bool lock_unless(std::string_view key, int column, bool (*is_free)(std::string_view text));

    // Whether a crash could still undo the transaction that wrote the row found. This is so for a short time after a commit with
    // synchronous_commit = off.
    bool may_be_lost() const;

    // A column of the row found or locked. Columns count from 1.
    Value get(int column);
    std::int64_t int8(int column);
    std::optional<std::string> text(int column);
    std::string bytes(int column);
    DateADT date(int column);

    // A copy of the row found or locked, made in this context.
    HeapTuple copy_row(MemoryContext home);

    struct Change {
        int column;
        Datum datum;
    };
    // Changes columns of a row that this transaction has locked. They must not be in an index. Returns the changed row, made in this
    // context.
    HeapTuple update(HeapTuple row, std::initializer_list<Change> changes, MemoryContext home);
    // Takes one value per column. Values of columns that an older version of the extension does not have are left out. A key that exists
    // already is an error.
    void insert(std::initializer_list<Value> values);

private:
    template <class Visit>
    void scan(std::string_view key, Snapshot snapshot, Visit&& visit);
    bool scan(std::string_view key, Snapshot snapshot);

    Relation relation_;
    TupleTableSlot* row_;
};

// Rows of one of the extension's own tables, found by an index under the active snapshot.
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

    // Goes to the next row. False: there is none.
    bool next();
    std::int64_t int8(int column) const;
    std::string text(int column) const;
    Oid oid(int column) const;
    bool is_null(int column) const;  // also if an older version of the extension does not have it

private:
    Datum get(int column) const;

    Relation relation_;
    SysScanDesc scan_;
    HeapTuple row_ = nullptr;
};

}  // namespace replicache::pg
