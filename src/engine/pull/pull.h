// The pull: the changes of a space since a cookie, as one JSON text, under one snapshot.
#pragma once

#include "model/cookie.h"
#include "pg/border.h"

namespace replicache::engine {

struct PullRequest {
    std::optional<Cookie> cookie;  // null: the client has no data, so it gets everything
    bool plain_cookies = false;    // cookies are numbers, whatever the clock
    std::string space;
    std::optional<std::string> user_id;
    bool any_user = false;                       // the caller may ask about groups of any user
    std::optional<std::string> client_group_id;  // the answer has the last mutation ids of this group
    std::optional<std::string> client_id;        // protocol version 0: the answer has only the number of this client
    std::int64_t last_mutation_id = 0;           // protocol version 0: the number that the client knows
    std::optional<std::string> schema_version;

    // One answer for several client groups, which have the same cookie but for Cookie::confirmed. The groups belong to the user or, without
    // a user, to any.
    bool is_shared = false;
    std::span<const std::string_view> client_group_ids{};
    std::string_view base_cookie{};  // the cookie, as the caller wrote it
};

// Returns a json datum in the current memory context. Nullopt: the state of the client is not known here (ClientStateNotFound). If the
// answer is for several groups: each of them has to pull.
std::optional<Datum> pull(const PullRequest& request);

}  // namespace replicache::engine
