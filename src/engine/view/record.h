// The records of client views (replicache.view_record): sets of keys that a client has. A record never changes, and its id says what is in
// it. So two clients of a user with the same view share one, pulls of one client do not disturb each other, and no lock is needed.
#pragma once

#include "pg/datum.h"

namespace replicache::engine {

// Records belong to a user and a space: to others they are unknown.
struct ViewOwner {
    const std::optional<std::string>& user_id;
    const std::string& space;
};

struct Record {
    std::string keys;  // packed, see model/packed_keys.h
    std::int64_t entries;
};

// Nullopt: the record is not known, because it was collected, say.
std::optional<Record> find_record(const std::string& id, const ViewOwner& owner);

// Stores packed keys, and returns the id of the record. Throws 25006 in a transaction that cannot write.
std::string store_record(const std::string& keys, std::int64_t entries, const ViewOwner& owner);

// Notes, at most once a day, that the record is in use and that the client group is. `is_new`: the client has another record from now on,
// which becomes the newest of its group. Garbage collection goes by these notes. A note that others are in the way of is left out. Returns
// whether none was.
bool note_use(const std::string& id, const std::optional<std::string>& client_group, bool is_new);

// Throws 25006: the pull must be repeated where it can write.
[[noreturn]] void refuse_read_only(const char* problem);

}  // namespace replicache::engine
