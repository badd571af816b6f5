// The space of a user, whose clock is `time`: its versions are the timestamps of the protocol.
#pragma once

#include "engine/space/head.h"
#include "engine/space/space.h"

namespace replicache::engine {

// The head of a space without history.
constexpr std::int64_t no_head = -1;

// The head of the user's space. Throws 55000 when the space has another clock. Nullopt: there was no such space. If this transaction may
// write, the space exists from now on. Otherwise the first write could give it another clock.
std::optional<Head> user_space(const std::string& user);

// Takes the space until the end of the transaction, and creates it when it does not exist. Throws 55000 likewise.
Space& take_user_space(const std::string& user);

}  // namespace replicache::engine
