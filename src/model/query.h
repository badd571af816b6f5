// The result of a named query. Standard C++ only.
#pragma once

#include <optional>
#include <string>

#include "model/batch.h"

namespace replicache {

struct QueryResult {
    std::string ast{};                 // JSON
    std::optional<Failure> failure{};  // then there is no AST
};

}  // namespace replicache
