// The history that a cookie is of: this cluster, this database, this extension, this space, and the timeline of the WAL. Another database,
// one that was reset, restored from a dump or moved by pg_upgrade, and new_epoch() are other histories: the same version, or transaction
// id, may stand for another change there.
//
// A space that was moved here from another server (engine/move) brings its history along.
//
// A promotion and point-in-time recovery begin a new timeline, which has all that was done on the old one up to where it was left.
#pragma once

#include "model/cookie.h"
#include "pg/border.h"

namespace replicache::engine {

// The history of a space, read under the active snapshot.
class History {
public:
    explicit History(std::string_view space);

    const std::string& name() const { return name_; }  // for Cookie::origin

    // Whether what the cookie's reader had seen belongs to this history.
    bool contains(const Cookie& cookie) const;

    // The names under which this history went on this server, and up to which position in the WAL. The last one goes on.
    struct Past {
        std::string name;
        std::uint64_t lsn;
    };
    std::vector<Past> pasts() const;

    // Whether this is a standby that has not replayed the WAL up to where the cookie was given. Then it may not know yet of a promotion or
    // a new_epoch().
    bool is_behind(const Cookie& cookie) const;

private:
    bool was_elsewhere(const Cookie& cookie) const;

    std::string space_;
    std::string name_;
};

// A position in the WAL that is not before anything that the active snapshot sees: for Cookie::lsn.
std::uint64_t wal_position();

// Makes all cookies strangers.
void renew_origin();

// Writes to disk what has been seen: after a crash, the version or the transaction id of what has not reached the disk is given to
// another change, and a cookie that has left the server would call that one seen.
void flush_seen();

}  // namespace replicache::engine
