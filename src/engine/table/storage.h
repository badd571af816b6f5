// The files that hold the rows of a table and of its partitions.
//
// An ALTER TABLE that changes the type of a column, and TRUNCATE, give a table new files. The rows in them are as young as that
// statement, so a snapshot from before it shows an empty table. Whoever reads under a snapshot that was taken before the table was
// locked must therefore ask whether this has happened in between.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

class Storage {
public:
    // Locks the partitions as the table has been locked: to read it.
    explicit Storage(Oid relation);

    // The table and its partitions.
    const std::vector<Oid>& tables() const { return tables_; }
    // To read them, until the end of the transaction.
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

// Lets the transaction see what is committed now, or refuses in one that keeps its snapshot.
void push_new_snapshot(const OldSnapshot& old);
// Throws 40001.
[[noreturn]] void refuse_old_snapshot(Oid relation);

// Calls f, which reads tables under the active snapshot. When that is too old for one of them, f throws OldSnapshot and is called
// once more, under a new one.
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

// The PostgreSQL error 55000 for a table that has changed while it was read. The reader has locked it, so it has done that itself. Call it
// guarded.
[[noreturn]] void raise_changed(Oid relation);

}  // namespace replicache::engine
