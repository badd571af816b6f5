// replicache.mutation_timeout: cancels a mutator that runs too long.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// The clock of one mutator call: cancels what runs when the time is over.
//
// There are other cancels, too: statement_timeout and pg_cancel_backend cancel the push. PostgreSQL has one flag for all cancels, so
// signals tell ours from the others. If both have come, the other one is obeyed.
class MutationTimeout {
public:
    MutationTimeout();
    ~MutationTimeout() { end(false); }
    MutationTimeout(const MutationTimeout&) = delete;
    MutationTimeout& operator=(const MutationTimeout&) = delete;

    // Stops the clock. Returns whether the time was over, without another cancel. Another cancel that came meanwhile takes effect
    // afterwards, unless `canceled` says that it has been raised as an error already.
    bool end(bool canceled);

    // The error of a mutation that took too long.
    static pg::SqlError error(const std::string& mutator);

private:
    bool running_;
};

// Calls f, which runs the mutator, and returns its error, or throws it. If the time was over (`expired`), the error says that the mutator
// took too long, even if the mutator has caught the cancel.
template <class F>
std::optional<pg::PgError> within_timeout(const std::string& mutator, bool& expired, F f) {
    expired = false;
    std::optional<pg::PgError> failure;
    MutationTimeout timeout;
    try {
        failure = f();
    } catch (pg::PgError& thrown) {
        failure.emplace(std::move(thrown));
    }
    const bool canceled = failure && failure->sqlerrcode() == ERRCODE_QUERY_CANCELED;
    expired = timeout.end(canceled);
    if (expired && (!failure || canceled)) return pg::PgError::make(MutationTimeout::error(mutator));
    return failure;
}

}  // namespace replicache::engine
