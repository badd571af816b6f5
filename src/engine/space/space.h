// Spaces, and the clocks that stamp their changes.
//
// A space is a version history of its own. Whoever changes it takes it first.
// - Clock `counter`: that locks its row in replicache.space until commit, so versions become visible in order: whoever reads
//   version 43 has seen all of 42. The transaction gets one version per space, however many pushes and direct writes it makes.
// - Clock `time`: the same lock, but every change gets a version of its own, in milliseconds since 1970. The row learns the last
//   one when the transaction commits: written with each change, it would cost more and more.
// - Clock `transaction`: nothing is locked. Changes carry the id of their transaction, and a reader remembers which
//   transactions it had seen: see snapshot.h.
#pragma once

#include "pg/settings.h"
#include "pg/spi.h"
#include "pg/table.h"

namespace replicache::engine {

constexpr std::size_t max_space_bytes = 1000;  // so that the space fits into a notification and an index

// Columns of replicache.space.
namespace space_column {
constexpr int id = 1, clock = 2, version = 3, floor = 4, collected = 5, collector = 6;
}

// The clock of the row that was found or locked.
pg::Clock clock_of(pg::Table& space);

// A space that this transaction has taken.
struct Space {
    std::string id;
    pg::Clock clock;
    std::int64_t before;     // the head that this transaction has found; clock time: -1 without any history
    std::int64_t version;    // what its changes are stamped with; clock transaction: 0 until the first one; clock time: the last one given
    HeapTuple row;           // locked, as this transaction has found or written it; null: to be looked up
    Oid table = InvalidOid;  // that has the row
    bool deferred = false;   // a push is at work, and writes the row when it ends
    CommandId stamped_by = 0;  // clock time: the last command that got a version
    std::int64_t stamps = 0;   // clock time: how many versions were given
    bool taken = false;        // false: by a subtransaction only that was rolled back
    // Whether the version stands for a change. Its poke is under way, and the row has it where the clock wants that; with the
    // clock time, both come with the commit.
    bool changed = false;
    SubTransactionId row_written_in = InvalidSubTransactionId;  // the last one that has written the row
    // Of the clocks counter and time. What head_of reads under a snapshot may be older: others wrote while this transaction waited
    // for the lock.
    std::int64_t head() const { return changed ? version : before; }
};

// Takes the space until the end of the transaction, and creates it when it does not exist: with this clock, or that of
// replicache.default_clock. Needs no SPI connection.
Space& take_space(std::string_view id, std::optional<pg::Clock> clock = std::nullopt);

// Of a space that this transaction has changed; null: it has not.
const Space* own_changes(std::string_view id);

// Whether the versions of this transaction's changes tell in which order they were made: clock time.
bool versions_tell_order();

// The version for changes of the space by this transaction; with the clock time, they get higher ones.
std::int64_t version_of(Space& space);

// The version for a change that is made now. Writes the space's row and pokes, once; while a push has the space, the push does
// so at its end. With the clock time each call gives another one, higher than all before.
std::int64_t stamp(Space& space);

// Writes the version of this transaction into the space's row and pokes; nothing when that was done. With the clock time both
// come with the commit.
void write_version(Space& space);

// Before the transaction commits. With the clock time, writes the row once for all versions of the transaction, and pokes.
void write_head(Space& space);

// Makes the next pull of every client of the space complete: from now on no older cookie gets a delta.
void raise_floor(Space& space);

// Says that tombstones up to this version are gone: cookies that have not seen all of it get no delta. Clock transaction: nor those
// that have not seen this transaction.
void note_collected(Space& space, std::int64_t version);

// Versions are JSON numbers, which clients read exactly below 2^53. Of a table that is tracked, no row may have a version above this: so
// there is always room for 2^52 more.
constexpr std::int64_t max_adopted_version = std::int64_t{1} << 52;

// For tables whose rows have been written under another clock: continues above this version.
void skip_to(Space& space, std::int64_t version);

// Versions of an epoch start at its number shifted by this: see epoch.h.
constexpr int epoch_bits = 32;

// Throws unless the text can be the id of a space.
void check_space_id(std::string_view id);

}  // namespace replicache::engine
