// CHECK constraints that keep the rows of one tracked table apart from those of another: such as those of shards, which have the same keys.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// What the constraints of a table say about the columns of its key and of its space. Make it with an SpiConnection, which it must not
// outlive.
class Bounds {
public:
    explicit Bounds(const TrackedTable& table);
    // Whether no row within these bounds has the same values in these columns as a row within the others, at any time. The answer of a pull
    // has the deletions of private tables after the rows of others, so a key must not go from the one kind to the other.
    bool exclude(const Bounds& other) const;

private:
    bool is_private_;
    std::string part_;
    std::vector<std::pair<Oid, Oid>> types_;  // of the columns, in the order of their names, with their collations
    List* checks_ = NIL;                      // all are true. A column has the number of its place in `types_`, from 1
};

}  // namespace replicache::engine
