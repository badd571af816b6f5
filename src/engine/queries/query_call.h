// Calls the function of a query.
#pragma once

#include "engine/mutators/called_function.h"
#include "model/query.h"

namespace replicache::engine {

// What the function returns, as the calling role. It is empty for NULL. An error is undone and belongs to the result, unless it passes by
// itself or concerns the whole transaction: then it is thrown. Throws 42501 unless the calling role may execute the function.
QueryResult call_query(CalledFunction& function, std::string_view args);

}  // namespace replicache::engine
