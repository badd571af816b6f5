// The mutations of a client group, in a pull: up to which mutation id each client has been processed, and whether this server knows the
// mutations that a cookie says were confirmed.
#pragma once

#include "engine/replicache/pull_answer.h"
#include "engine/space/progress.h"

namespace replicache::engine {

// Protocol version 0: the last mutation id of one client. Throws 42501 when the client belongs to another group.
std::int64_t last_mutation_id(const std::optional<std::string>& group, const std::string& client);

// Protocol version 1: appends the clients of the group whose last mutation id has changed, or all of them. Returns the last mutation of the
// group, for Cookie::confirmed. Empty: there is none.
std::string append_last_mutation_ids(PullAnswer& answer, const std::string& group, const Progress& progress, bool all);

// Of two mutations of a group, the one with the greater rank came later. Clients of one push have equal ranks. Then the greater id counts.
using MutationRank = std::pair<bool, std::int64_t>;  // whether it is in the past, and its version
inline MutationRank mutation_rank(const Progress& progress, std::int64_t version) {
    // In a database that was restored from a dump, the version may be the id of a future transaction.
    return {progress.cookie.xmax == 0 || version < progress.cookie.xmax, version};
}
// For Cookie::confirmed.
std::string confirmed_text(std::string_view group, std::string_view client, std::int64_t id);

// Whether this server knows the group's confirmed mutations, as far as a cookie of another history tells. It does not know them in a new
// database, or in one that was restored to an older state. Then clients must start again as a new group, with the same cookie: they would
// ignore an answer that confirms less than they know, and their next mutations would be out of order.
bool knows_confirmed(const std::string& group, std::string_view confirmed);

}  // namespace replicache::engine
