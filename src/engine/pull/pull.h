// The pull: what changed in a space since a cookie, as one JSON text, under one snapshot.
#pragma once

#include "model/cookie.h"
#include "pg/border.h"

namespace replicache::engine {

struct PullRequest {
    std::optional<Cookie> cookie;  // null: everything
    bool plain_cookies = false;    // numbers, whatever the clock
    std::string space;
    std::optional<std::string> user_id;
    bool any_user = false;                       // may ask about the group, not only the user_id that it belongs to
    std::optional<std::string> client_group_id;  // whose lastMutationIDs are wanted
    std::optional<std::string> client_id;        // V0: only this client's, as a number
    std::int64_t last_mutation_id = 0;           // V0: what the client has seen
    std::optional<std::string> schema_version;
};

// A json datum in the current memory context; nullopt when the client's state is not known here (ClientStateNotFound).
std::optional<Datum> pull(const PullRequest& request);

}  // namespace replicache::engine
