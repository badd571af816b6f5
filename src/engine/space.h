// Spaces, and the clock `counter` that stamps their changes.
//
// A space is a version history of its own. A transaction that changes it locks its row in replicache.space until commit,
// so versions become visible in order: whoever reads version 43 has seen all of 42. The transaction gets one version per
// space, however many pushes and direct writes it makes.
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

constexpr std::size_t max_space_bytes = 1000;  // so that the space fits into a notification and an index

// Columns of replicache.space.
namespace space_column {
constexpr int version = 3, floor = 4;
}

// A space that this transaction holds locked.
struct Space {
    std::string id;
    std::int64_t committed;  // its version before this transaction
    bool written = false;    // the row has this transaction's version already
    bool deferred = false;   // a push is at work and writes the row when it ends
    SubTransactionId locked_in = InvalidSubTransactionId;
    SubTransactionId written_in = InvalidSubTransactionId;

    std::int64_t version() const { return committed + 1; }  // what this transaction's changes are stamped with
};

// Locks the space until the end of the transaction, and creates it when it does not exist. Needs no SPI connection.
Space& lock_space(std::string_view id);

// The version for a change of the space by this transaction. Writes the space's row and pokes, once; while a push holds
// the space, the push does so at its end.
std::int64_t stamp(Space& space);

// Writes the version of this transaction into the space's row and pokes; nothing when that was done.
void write_version(Space& space);

// Makes the next pull of every client of the space complete: from now on no older cookie gets a delta.
void raise_floor(Space& space);

// For tables whose rows have been written under another clock: continues above this version.
void skip_to(Space& space, std::int64_t version);

// Versions of an epoch start at its number shifted by this: see epoch.h.
constexpr int epoch_bits = 32;

// Throws 42710 when the space exists.
void create_space(const std::string& id, const std::string& clock);

// Throws unless the text can be the id of a space.
void check_space_id(std::string_view id);

// Call once per backend.
void register_space_callbacks();

}  // namespace replicache::engine
