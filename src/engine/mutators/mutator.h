// The interface of everything that a mutation can call.
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

// A mutator ready to be called: a function, or an operation on an exposed table.
class Mutator {
public:
    virtual ~Mutator() = default;

    // Throws 42501 unless the calling role may execute it. That is a mistake of the set-up, and no mutation should be lost because of it.
    virtual void check_privilege() const = 0;
    // Calls it with the JSON text of the args (empty: absent). Memory comes from the current context. An error that it raises is returned
    // or thrown. Throws when the args do not fit. After an error, the caller must roll back.
    virtual std::optional<pg::PgError> call(std::string_view args) = 0;
    // The change of a row that a call with these args would make. Nullopt: the mutator is a function.
    virtual std::optional<RowChange> row_change(std::string_view) const { return std::nullopt; }
};

}  // namespace replicache::engine
