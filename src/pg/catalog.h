// Names of catalog objects, for SQL.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// OPERATOR(schema.name), which means the same operator under every search_path.
std::string qualified_operator(Oid operator_);

}  // namespace replicache::pg
