// Mutators: the registry, and calling one with the args of a mutation.
#pragma once

#include "model/row_change.h"
#include "pg/spi.h"

namespace replicache::engine {

// Throws unless the function can serve as a mutator.
void register_mutator(const std::string& name, Oid function);
void unregister_mutator(const std::string& name);

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

// The mutator of that name: the one that is registered, else that of an exposed table. Throws 42883 when there is none.
std::shared_ptr<Mutator> find_mutator(const std::string& name);

}  // namespace replicache::engine
