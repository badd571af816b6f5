// Which statements each kind of change takes, and what their row counts say.
#pragma once

#include "engine/rows/row_statements.h"

namespace replicache::engine {

// When changes are written.
enum class Timing {
    immediate,
    deferred,  // they have waited, so something else may be going on: the statements must not depend on that
};

// Writes the pending changes, which are connected. Throws what is wrong with a change; of several, it is unknown which. False: one
// statement for all would have another outcome than a statement each, or it is unclear. Then roll back, and write them one by one. A single
// change that is immediate is always written.
[[nodiscard]] bool write_rows(const TableShape& shape, RowStatements& statements, std::size_t count, Timing timing);

// Writes a single change of a user's row, which is connected. Conflict policies do not apply. True: SPI has the row, as Resource describes
// it. False: the user has no such row.
bool write_owned_row(const TableShape& shape, RowStatements& statements);

}  // namespace replicache::engine
