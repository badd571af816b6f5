// For replicache.why_one_by_one: why changes of an exposed table are not written together.
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

struct WhyOneByOne {
    const char* operation;
    std::string reason;  // empty: they are written together
};

// One for each operation that clients may do, for the current role. Throws 42704 when the table is not exposed.
std::vector<WhyOneByOne> why_one_by_one(Oid relation);

}  // namespace replicache::engine
