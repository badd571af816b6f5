// Client groups and clients: who owns them, and how far their mutations have been processed.
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

// Columns of replicache.client_group.
namespace group_column {
constexpr int user_id = 2, space = 3;
}

// Columns of replicache.client.
namespace client_column {
constexpr int id = 1, group = 2, last_mutation_id = 3, version = 4, last_seen = 5;
}

struct ClientGroup {
    std::string id;
    std::optional<std::string> user_id;
    std::string space;
};

struct Client {
    std::int64_t last_mutation_id = 0;
    std::int64_t last_planned_id = 0;  // what it will be when all goes well
    HeapTuple row = nullptr;           // locked; null: it has none yet
    bool changed = false;              // last_mutation_id has moved in this push
    bool forgotten = false;            // it had a row, which is gone
};

// The key is the id, a slice of the request.
using Clients = std::unordered_map<std::string_view, Client>;

enum class GroupAccess { read, read_as_any_user, lock };

// The space that the group has on record, as it was written there; nullopt: there is no such group. Throws 42501 when it belongs to another
// space, or to another user. Its row is read under the active snapshot, or locked until the end of the transaction.
std::optional<std::string> check_group(const ClientGroup& group, GroupAccess access);

// The two checks of it, for what the group has on record. They throw 42501.
void check_user(const ClientGroup& group, const std::optional<std::string>& recorded);
void check_space(const ClientGroup& group, const std::string& recorded);

// Puts the space of the group on record as it is written here.
void store_space(const ClientGroup& group);
// Creates the group's row. False when another transaction has just done so: look again.
bool create_group(const ClientGroup& group);
void delete_group(const ClientGroup& group);

// Throws the 42501 for a client that belongs to another group.
[[noreturn]] void refuse_client(const std::string& id);

// The clients of these names, rows locked, in the order of their ids. Throws 42501 when one belongs to another group.
Clients lock_clients(const std::string& group, const std::vector<std::string_view>& ids);

// Stores last_mutation_id of the clients that changed, stamped with the version.
void store_clients(const std::string& group, const Clients& clients, std::int64_t version);

}  // namespace replicache::engine
