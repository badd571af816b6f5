// Texts of the bookkeeping that are never null, unless a superuser has altered it.
#pragma once

#include "pg/error.h"

namespace replicache::pg {

inline std::string required(std::optional<std::string> text) {
    if (!text)
        throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "a table of replicache_ext has a null where it has none", {},
                       "The tables of the extension are not to be altered.");
    return *std::move(text);
}

}  // namespace replicache::pg
