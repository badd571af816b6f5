// What a mutation calls.
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

// A mutator ready to be called: a function, or an operation on an exposed table.
class Mutator {
public:
    virtual ~Mutator() = default;

    // Throws 42501 unless the calling role may execute it: a mistake of set-up, over which no mutation should be lost.
    virtual void check_privilege() const = 0;
    // Calls it with the JSON text of the args (empty: absent). Its memory comes from the current context. Returns the error that it
    // raises, or throws it; throws when the args do not fit. After an error, the caller must roll back.
    virtual std::optional<pg::PgError> call(std::string_view args) = 0;
    // The change of a row that a call with these args comes down to, if it does.
    virtual std::optional<RowChange> row_change(std::string_view) const { return std::nullopt; }
};

}  // namespace replicache::engine
