// The mutators of an exposed table: <name>.insert, .upsert, .update and .delete. Their args are the columns of the row.
#pragma once

#include "engine/mutators/mutator.h"

namespace replicache::engine {

// Null: the name does not have this form, or no table is exposed under it.
std::shared_ptr<Mutator> find_row_mutator(const std::string& name);

}  // namespace replicache::engine
