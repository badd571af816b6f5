// Mutators: the registry, and calling one with the args of a mutation.
#pragma once

#include "engine/parameters.h"
#include "pg/spi.h"

namespace replicache::engine {

// Throws unless the function can serve as a mutator.
void register_mutator(const std::string& name, Oid function);
void unregister_mutator(const std::string& name);

// A mutator ready to be called.
class Mutator {
public:
    explicit Mutator(Oid function);
    ~Mutator();
    Mutator(const Mutator&) = delete;
    Mutator& operator=(const Mutator&) = delete;

    // Throws 42501 unless the calling role may execute it.
    void check_privilege() const;
    // Calls it with the JSON text of the args (empty: absent). Its memory comes from the current context. Returns the error that it
    // raises; throws when the args do not fit.
    std::optional<pg::PgError> call(std::string_view args);

private:
    Oid function_;
    std::string name_;                   // for messages
    MemoryContext context_;
    FmgrInfo info_;
    Parameters parameters_;
};

// The mutator of that name. Throws 42883 when there is none.
std::shared_ptr<Mutator> find_mutator(const std::string& name);

// Call once per backend.
void register_mutator_callbacks();

}  // namespace replicache::engine
