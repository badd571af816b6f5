// Functions of which it is known what they read, without looking at what they do.
#pragma once

#include "prelude.h"

extern "C" {
#include "catalog/pg_proc.h"
}

namespace replicache::engine {

// Whether it is known that the function reads no table, makes no value of a domain that could, changes no setting, and tells no change of
// a row from another. Raises PostgreSQL errors.
bool reads_no_table(const FormData_pg_proc& function);

}  // namespace replicache::engine
