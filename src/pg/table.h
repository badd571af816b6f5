// Rows of the extension's own tables by primary key, without SQL. Every push does the same few look-ups and updates. Through SPI, each of
// them would cost several times as much.
//
// No privileges are checked and no triggers are fired, so this is for bookkeeping only. The primary key is the first column, or the first
// two, of type text.
#pragma once

#include "pg/datum.h"

extern "C" {
#include "access/genam.h"
#include "storage/block.h"
#include "storage/off.h"
#include "utils/date.h"
}

namespace replicache::pg {

// The values of a primary key. They must outlive it.
class RowKey {
public:
    RowKey(std::string_view first) : values_{first}, count_(1) {}
    RowKey(const std::string& first) : RowKey(std::string_view(first)) {}
    RowKey(const char* first) : RowKey(std::string_view(first)) {}
    RowKey(std::string_view first, std::string_view second) : values_{first, second}, count_(2) {}

    static constexpr int max_columns = 2;
    int count() const { return count_; }
    std::string_view operator[](int i) const { return values_[i]; }

private:
    std::string_view values_[max_columns];
    int count_;
};

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
    bool find(RowKey key);
    // Finds the row as it is committed now, even if the transaction's snapshot is older.
    bool find_latest(RowKey key);
    // The greatest number in this column of the row. Versions of the row by transactions that have not ended count, too.
    std::int64_t greatest(RowKey key, int column);
    // Locks the latest version of the row until the end of the transaction, as SELECT … FOR NO KEY UPDATE does
    // (nodeLockRows.c). Throws 40001 when the transaction's snapshot is older.
    bool lock(RowKey key);
    // The same, but if `is_free` accepts the text of this column, the row is only found, and not locked.
    bool lock_unless(RowKey key, int column, bool (*is_free)(std::string_view text));

    // Whether a crash could still undo the transaction that wrote the row found. This is so for a short time after a commit with
    // synchronous_commit = off.
    bool may_be_lost() const;

    // Whether this transaction has written the row found.
    bool is_own_change() const;

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

private:
    template <class Visit>
    void scan(RowKey key, Snapshot snapshot, Visit&& visit);
    bool scan(RowKey key, Snapshot snapshot);

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

// Which rows one of the extension's own tables has, as committed now or changed by this transaction. Two states are equal if nothing has
// changed in between. Every row is read, so this is for registries, which are small.
//
// A registry is cached, and a message tells of a change. But the transaction that changes it is visible a moment before its messages are
// sent. A reader that must know all that its snapshot shows compares the state with that of its cache.
class TableState {
public:
    TableState() = default;  // as no table is
    explicit TableState(const char* table);
    bool operator==(const TableState&) const = default;

    // Waits until the transactions that have written the rows have sent their messages, and takes these. Then PostgreSQL's caches are as
    // new as the rows, too.
    void await_messages() const;

private:
    struct Row {
        BlockNumber block;
        OffsetNumber number;
        TransactionId writer;
        bool frozen;  // the writer is long gone, and its id may mean another transaction by now

        bool operator==(const Row& other) const { return block == other.block && number == other.number && writer == other.writer; }
    };
    std::optional<std::vector<Row>> rows_;
};

}  // namespace replicache::pg
