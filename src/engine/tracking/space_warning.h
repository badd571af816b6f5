// A warning about tables whose rows could be in the same space, although different columns name their spaces.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// Raises a WARNING that names the other tracked tables with which this one could share spaces by accident. Clients that may read the rows
// of one table would get the rows of the other.
void warn_of_shared_spaces(const TrackedTable& table);

// The same for all tracked tables. The tables of the one side name their spaces in the same way, and so do those of the other side.
struct SharedSpaces {
    std::vector<Oid> tables[2];
    std::string names[2];  // column or template
};
std::vector<SharedSpaces> shared_spaces();

}  // namespace replicache::engine
