// Which statements each kind of change takes, and what their row counts say.
#pragma once

#include "engine/rows/pending_rows.h"
#include "engine/rows/row_statements.h"

namespace replicache::engine {

// When changes are written.
enum class Timing {
    immediate,
    deferred,   // they have waited, so something else may be going on: the statements must not depend on that
    reordered,  // … and changes of other rows may have gone before them
};

// Writes the pending changes, which are connected. False: a change has failed, with `error` or one that is thrown; of several, it is
// unknown which. Or there is no error, and one statement for all would have another outcome than a statement each, or it is unclear. Then
// roll back, and write them one by one. A single change that is immediate is written, or fails.
[[nodiscard]] bool write_rows(const TableShape& shape, RowStatements& statements, const PendingRows& changes, Timing timing,
                              std::optional<pg::PgError>& error);

// The same for changes of a user's rows. Conflict policies do not apply. True: SPI has the rows, as Resource describes them. False: the
// same, or, of a single change that is immediate, the user has no such row.
[[nodiscard]] bool write_owned_rows(const TableShape& shape, RowStatements& statements, const PendingRows& changes, Timing timing,
                                    std::optional<pg::PgError>& error);

// Whether several changes of this form have the same outcome together as one by one, as far as the form has a say.
bool may_write_together(const TableShape& shape, const ChangeForm& form);
// Whether changes of this form may claim or free a value that is unique, besides the primary key. If so, their order matters.
bool may_move_unique(const TableShape& shape, const ChangeForm& form);

}  // namespace replicache::engine
