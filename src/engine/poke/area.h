// The shared memory between the transactions that leave notes and the workers that send them.
//
// A transaction announces itself before its commit, and only if a worker is attached. It leaves its notes after the commit. A worker does
// not go while a transaction is announced, unless it must. Then the notes stay here, and the next worker sends them.
#pragma once

#include "engine/poke/notes.h"
#include "pg/border.h"

extern "C" {
#include "datatype/timestamp.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
}

namespace replicache::engine {

// The name of the area, and of the worker's function. A library with another layout has another number here. So it shares neither the area
// nor the workers of this one, whose sessions may still be there.
#define REPLICACHE_POKES replicache_pokes_2

struct PokeChannel {
    char name[NAMEDATALEN];
    // {"space":null} is to be sent on the channel if these differ.
    std::uint32_t for_everyone, sent_to_everyone;

    bool waits() const { return for_everyone != sent_to_everyone; }
};

// A transaction that was prepared, or is about to be. When it has committed, everyone is to be poked on these channels.
struct PreparedPokes {
    TransactionId xid;
    std::uint32_t channels;  // a bit for each index
};

// Of one database. Touch it under the lock of the area.
struct PokeDatabase {
    static constexpr int max_channels = 4;
    static constexpr std::size_t notes_size = 8192;
    static constexpr int max_prepared = 64;

    Oid id;                // InvalidOid: the slot is free
    int pid;               // of the worker; 0: there is none
    PGPROC* worker;        // its process
    bool closing;          // the worker takes no more announcements
    bool sleeping;         // the worker waits for its latch
    int announced;         // transactions that will leave notes
    TimestampTz used;      // when the slot was last used
    TimestampTz notified;  // when a transaction has last sent its pokes itself
    TimestampTz asked;     // when a worker was last asked for, since one was there
    TimestampTz ask_after;
    int ask_pause;             // seconds
    bool refused;              // there was no free process for the worker
    std::uint32_t generation;  // changes when a worker comes, and when notes go without one

    std::int64_t sent, coalesced, in_transaction;  // see figures.h

    PokeChannel channels[max_channels];
    std::int64_t count;  // of the notes
    std::size_t length;  // of the notes
    std::size_t taken;   // as many bytes of them are being sent, or count as sent
    char notes[notes_size];

    int prepared_count;
    PreparedPokes prepared[max_prepared];

    bool waits() const;
    // Whether a worker is needed: something waits to be sent, or a prepared transaction may commit.
    bool needs_worker() const { return waits() || prepared_count > 0; }
    // The pokes of a transaction that is about to be prepared. Returns false if there is no room.
    bool prepare(TransactionId xid, const std::vector<std::string>& names);
    // The transaction has ended.
    void settle(TransactionId xid, bool committed);
    // Finds the indexes of the channels, which are added. Returns false if there is no room for them.
    bool find(const std::vector<std::string>& names, int* indexes);
    // Adds a note. Where it has no room, everyone is poked.
    void leave(const Note& note);
    // The first notes have been sent, and the pokes for everyone up to these numbers.
    void remove(std::size_t bytes, std::int64_t notes, const std::uint32_t* everyone);
    // Whether to ask for a worker now, and notes that it is done.
    bool asks(TimestampTz now);
    // The next time, a worker may be asked for at once.
    void forget_asking() { asked = ask_after = ask_pause = 0; }
    // Wakes the worker if it sleeps. Returns its latch, to be set after the lock is released.
    Latch* wake();
};

struct PokeArea {
    static constexpr int max_databases = 16;

    LWLock lock;
    PokeDatabase databases[max_databases];

    // The slot of the current database. Null: there is none.
    PokeDatabase* find();
    // The same, but takes a slot that is free or has not been used for a time.
    PokeDatabase* find_or_take(TimestampTz now);
};

// Looks for transactions of the current database that were prepared and have ended: their pokes wait to be sent from now on. Those that
// failed to be prepared go, too. Returns how many have not ended.
int settle_prepared(PokeArea& pokes);

// The area. The first call makes it, or attaches to it. Null: it cannot be had, and why_no_poke_area tells why.
PokeArea* poke_area();
const std::string& why_no_poke_area();

// Holds the lock of the area for a scope, in which nothing may raise.
class PokeLock {
public:
    explicit PokeLock(PokeArea& area) : lock_(&area.lock) { LWLockAcquire(lock_, LW_EXCLUSIVE); }
    ~PokeLock() { LWLockRelease(lock_); }
    PokeLock(const PokeLock&) = delete;
    PokeLock& operator=(const PokeLock&) = delete;

private:
    LWLock* lock_;
};

}  // namespace replicache::engine
