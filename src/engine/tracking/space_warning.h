// Tables whose rows could be in the same space, though their spaces are named by different columns.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// Raises a WARNING that names the other tracked tables with which this one could share spaces by accident: then clients who may read the
// rows of one get those of the other.
void warn_of_shared_spaces(const TrackedTable& table);

}  // namespace replicache::engine
