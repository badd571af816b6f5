// What an error of a mutator, or of a row that was written, means for those who sent it.
#pragma once

#include "engine/batch.h"
#include "pg/border.h"

namespace replicache::engine {

// How far an error reaches.
enum class Scope {
    mutation,  // it is rejected
    push,      // the push stops before the mutation, for now
    caller,    // the whole transaction is broken or unwanted: the caller rolls back and tries again
};

Scope scope_of(int sqlerrcode);

// The error as a client may read it.
Failure failure_of(const pg::PgError& error);

}  // namespace replicache::engine
