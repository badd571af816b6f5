// Pushes of the protocol in which a user's data has one head, and a push names the head that it was made on.
#pragma once

#include "engine/last_mutation_at/user_space.h"
#include "model/last_mutation_at.h"

namespace replicache::engine {

struct SyncPush {
    enum class Status { applied, out_of_sync, no_such_row, invalid };
    Status status = Status::applied;
    std::int64_t head = no_head;            // as it is now; of one that was applied, as far as the client knows all changes then
    std::vector<SyncMutation> mutations{};  // applied: one per change, in order
    std::size_t failed = 0;                 // no_such_row, invalid: index of the change
    std::string message{};                  // invalid: why
};

// Applies all changes or none. A push that is refused changes nothing.
SyncPush sync_push(const std::vector<RowChange>& changes, std::int64_t head, const std::string& user);

// Whether clients know a resource by this name, and whether its rows have a composite key.
bool is_resource(const std::string& name);
bool has_composite_key(const std::string& resource);

}  // namespace replicache::engine
