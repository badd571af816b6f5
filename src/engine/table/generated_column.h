// The value that a stored generated column of a row will have. A BEFORE trigger needs it, and PostgreSQL computes it only later.
#pragma once

#include "pg/datum.h"

namespace replicache::engine {

class GeneratedColumn {
public:
    explicit GeneratedColumn(AttrNumber column) : column_(column) {}

    // Computes the value as PostgreSQL will, and as the caller. The value is in the current memory context.
    pg::Value compute(Relation relation, HeapTuple row) const;

private:
    struct Prepared;
    std::shared_ptr<Prepared> prepare(Relation relation) const;

    AttrNumber column_;
    mutable std::shared_ptr<Prepared> prepared_;  // null: not yet
};

// Whether the expression of a generated column uses another column.
bool is_generated_from(Relation relation, AttrNumber generated, AttrNumber other);

}  // namespace replicache::engine
