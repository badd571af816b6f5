// Which errors are defects, by what PostgreSQL knows of an error.
#pragma once

#include "pg/error.h"

namespace replicache::pg {

Defect defect_of(const ErrorData& error) noexcept;

// By this message domain, which nobody is told, an error of ours is known again when it has passed through PostgreSQL: that of a trigger,
// say. Null: none.
const char* mark_of(Defect defect) noexcept;

}  // namespace replicache::pg
