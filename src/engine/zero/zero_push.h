// A push of Zero: its mutations run as those of apply_push do, in the space ''. Their clients are rows of zero-cache's own tables.
#pragma once

#include "model/zero.h"
#include "pg/border.h"

namespace replicache::engine {

struct ZeroPusher {
    std::string schema;  // of zero-cache's tables
    std::optional<std::string> user_id;
    std::string (*result_of)(const Failure&);  // how the protocol writes the result of a rejected mutation: JSON
};

// Everything happens in the calling transaction. Errors that may pass are tried again before they are thrown: zero-cache gives up after a
// second, and its client then waits until somebody reconnects it. After an exception the caller must roll back.
ZeroOutcome zero_push(const ZeroPush& push, const ZeroPusher& pusher);

}  // namespace replicache::engine
