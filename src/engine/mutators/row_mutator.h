// The mutators that exposed tables come with: <name>.insert, .upsert, .update and .delete. Their args are the row's columns.
#pragma once

#include "engine/mutators/mutator.h"

namespace replicache::engine {

// Null: the name is not of this form, or no table is exposed by it.
std::shared_ptr<Mutator> find_row_mutator(const std::string& name);

}  // namespace replicache::engine
