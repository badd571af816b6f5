// replicache.mutation_timeout: cancels a mutator that runs too long.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// The clock of one mutator call: starts with the scope, and cancels what runs when the time is over.
class MutationTimeout {
public:
    // At the end of the scope, `expired` tells whether the time was over. A cancel that nobody has taken is taken back then.
    explicit MutationTimeout(bool& expired);
    ~MutationTimeout();
    MutationTimeout(const MutationTimeout&) = delete;
    MutationTimeout& operator=(const MutationTimeout&) = delete;

    // The error of a mutation that took too long.
    static pg::SqlError error(const std::string& mutator);

private:
    bool& expired_;
    bool running_;
};

// Calls f, which runs the mutator: it returns the error that this raises, or throws it. Throws that; or, when the time was over, whatever
// the mutator made of the cancel, that it took too long.
template <class F>
void within_timeout(const std::string& mutator, bool& expired, F f) {
    std::optional<pg::PgError> failure;
    try {
        const MutationTimeout timeout(expired);
        failure = f();
    } catch (pg::PgError& thrown) {
        failure.emplace(std::move(thrown));
    }
    if (expired && (!failure || failure->sqlerrcode() == ERRCODE_QUERY_CANCELED)) throw MutationTimeout::error(mutator);
    if (failure) throw std::move(*failure);
}

}  // namespace replicache::engine
