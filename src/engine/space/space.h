// Spaces. A space is a version history of its own. A transaction takes a space before it changes it. The clock of the space says how
// changes are stamped.
#pragma once

#include "engine/space/clock.h"

namespace replicache::engine {

constexpr std::size_t max_space_bytes = 1000;  // so that the space fits into a notification and an index

// Columns of replicache.space.
namespace space_column {
constexpr int id = 1, clock = 2, version = 3, floor = 4, collected = 5, collector = 6, held = 7;
}

// The clock of the row that was found or locked.
const Clock& clock_of(pg::Table& space);

// A space that this transaction has taken.
struct Space {
    std::string id;
    const Clock* clock;
    HeapTuple row = nullptr;   // locked, as this transaction has found or written it; null: to be looked up
    Oid table = InvalidOid;    // that has the row, where the clock locks it
    std::int64_t before = 0;   // the version of the row when it was locked
    std::int64_t version = 0;  // see Clock::first_version; from the first change on, that of the last one
    bool deferred = false;     // see DeferVersion
    bool stamped = false;      // a change was stamped while the version was deferred
    bool taken = false;        // false: by a subtransaction only that was rolled back
    bool changed = false;      // the version stands for a change, whose poke is under way or comes with the commit
    bool arriving = false;     // its rows come from another server, with their versions (engine/move)
    SubTransactionId row_written_in = InvalidSubTransactionId;  // the last one that has written the row
    // Where each change gets a version of its own:
    CommandId stamped_by = 0;  // the last command that got one
    std::int64_t stamps = 0;   // how many were given

    // The version of the last change that this transaction knows of; -1: the clock is `time`, and there is none. head_of may read an older
    // version under a snapshot: others wrote while this transaction waited for the lock.
    std::int64_t head() const { return clock->head(*this); }
};

// Takes the space until the end of the transaction, and creates it when it does not exist: with this clock, or that of
// replicache.default_clock. Needs no SPI connection. Throws SpaceAway when the space is held, or has moved.
Space& take_space(std::string_view id, const Clock* clock = nullptr);

// The space if this transaction has changed it, else null.
const Space* own_changes(std::string_view id);

// Whether the versions of this transaction's changes tell in which order they were made.
bool versions_tell_order();

// The version for changes of the space by this transaction. Clocks that order changes give higher ones.
inline std::int64_t version_of(Space& space) { return space.clock->version_of(space); }

// The version for a change that is made now. Pokes, once for each transaction. While a push has the space, the push does so at its end.
// Clocks that order changes give another version with each call, higher than all before.
inline std::int64_t stamp(Space& space) { return space.clock->stamp(space); }

// Stamps a change and pokes, unless this transaction has done so.
inline void write_version(Space& space) { space.clock->write_version(space); }

// While a push runs, the triggers do not write the row of the space. The push writes it once, at the top level: a subtransaction that
// writes a row which its parent has locked costs a MultiXact.
class DeferVersion {
public:
    explicit DeferVersion(Space& space) : space_(space) { space_.deferred = true; }
    ~DeferVersion() { space_.deferred = false; }
    DeferVersion(const DeferVersion&) = delete;
    DeferVersion& operator=(const DeferVersion&) = delete;

private:
    Space& space_;
};

// Makes the next pull of every client of the space complete: from now on no older cookie gets a delta. The row is locked until commit. So
// the transaction that writes the floor last also commits last, and a reader who has seen this floor has seen those before.
inline void raise_floor(Space& space) { space.clock->raise_floor(space); }

// Says that tombstones up to this version are gone: cookies that have not seen all of it get no delta, unless they have seen this
// transaction, where cookies name transactions. It is no change of the space.
void note_collected(Space& space, std::int64_t version);

// Versions are JSON numbers, which clients read exactly below 2^53. In a table that is tracked, no row may have a version above this. So
// there is always room for 2^52 more.
constexpr std::int64_t max_adopted_version = std::int64_t{1} << 52;

// For tables whose rows have been written under another clock: continues above this version.
inline void skip_to(Space& space, std::int64_t version) { space.clock->skip_to(space, version); }

// Throws unless the text can be the id of a space.
void check_space_id(std::string_view id);

}  // namespace replicache::engine
