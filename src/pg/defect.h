// Which errors are defects, by what PostgreSQL knows of an error.
#pragma once

#include "pg/error.h"

namespace replicache::pg {

Defect defect_of(const ErrorData& error) noexcept;

// The message domain that marks our errors. It is not shown. By it we recognise an error of ours that has passed through PostgreSQL, for
// example from a trigger. Null: none.
const char* mark_of(Defect defect) noexcept;

}  // namespace replicache::pg
