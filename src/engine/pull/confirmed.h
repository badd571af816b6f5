// What a pull says of the mutations of its client group: how far each client's have been processed, and, by the cookie, whether the server
// knows what it has confirmed.
#pragma once

#include "engine/replicache/pull_answer.h"
#include "engine/space/progress.h"

namespace replicache::engine {

// V0: the one client's number. Throws 42501 when the client is of another group.
std::int64_t last_mutation_id(const std::optional<std::string>& group, const std::string& client);

// V1: the clients of the group whose number changed. Returns the last mutation of the group, for Cookie::confirmed; empty: none.
std::string append_last_mutation_ids(PullAnswer& answer, const std::string& group, const Progress& progress);

// Whether the group's confirmed mutations are known here, as far as a cookie of another history tells. They are not in a database that was
// made anew, or in one that was restored to an older state. Then clients have to start afresh: they would ignore an answer that reports
// less than they know, and their next mutations cannot be taken. They go on as a new group, with the same cookie.
bool knows_confirmed(const std::string& group, std::string_view confirmed);

}  // namespace replicache::engine
