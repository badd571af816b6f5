// The files that hold the rows of a table and of its partitions.
//
// TRUNCATE, and an ALTER TABLE that changes the type of a column, give a table new files. The rows in them are as young as that
// statement, so a snapshot from before it shows an empty table. A snapshot may have been taken before the table was locked. Then the
// reader must ask whether the table has got new files in between.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

class Storage {
public:
    // Locks the partitions for reading. The caller has locked the table itself.
    explicit Storage(Oid relation);

    // The table and its partitions.
    const std::vector<Oid>& tables() const { return tables_; }
    // Locks them for reading, until the end of the transaction.
    void lock() const;
    // Whether one of them has got new files since the snapshot was taken.
    bool is_newer_than(Snapshot snapshot) const;

private:
    std::vector<Oid> tables_;
};

// The active snapshot is older than a table's files.
struct OldSnapshot {
    Oid relation;
};

// Lets the transaction see what is committed now. Throws 40001 in a transaction that keeps its snapshot (REPEATABLE READ and above).
void push_new_snapshot(const OldSnapshot& old);
// Throws 40001.
[[noreturn]] void refuse_old_snapshot(Oid relation);

// Calls f, which reads tables under the active snapshot. When the snapshot is too old for one of them, f throws OldSnapshot. Then it is
// called once more, under a new snapshot.
template <class F>
auto under_fitting_snapshot(F&& f) -> std::invoke_result_t<F&> {
    for (int pushed = 0;; ++pushed) {
        std::optional<OldSnapshot> old;
        try {
            auto result = f();
            for (; pushed > 0; --pushed) pg::guarded([] { PopActiveSnapshot(); });
            return result;
        } catch (const OldSnapshot& error) {
            old = error;
        }
        push_new_snapshot(*old);
    }
}

// Raises the PostgreSQL error 55000 for a table that has changed while it was read. The reader has locked the table, so only its own
// session can have changed it. Call it guarded.
[[noreturn]] void raise_changed(Oid relation);

}  // namespace replicache::engine
