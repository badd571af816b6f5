// replicache.mutation_timeout: cancels a mutator that runs too long.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// The clock of one mutator call: cancels what runs when the time is over.
//
// That is not the only cancel there is: statement_timeout, and whoever calls pg_cancel_backend, cancel the push. PostgreSQL keeps one flag
// for all of them, so signals tell ours from theirs; when both have come, theirs is obeyed.
class MutationTimeout {
public:
    MutationTimeout();
    ~MutationTimeout() { end(false); }
    MutationTimeout(const MutationTimeout&) = delete;
    MutationTimeout& operator=(const MutationTimeout&) = delete;

    // Stops the clock. Whether the time was over, and nobody else has cancelled. What others have cancelled meanwhile will be, unless
    // `canceled`: it has come out as an error already.
    bool end(bool canceled);

    // The error of a mutation that took too long.
    static pg::SqlError error(const std::string& mutator);

private:
    bool running_;
};

// Calls f, which runs the mutator: it returns the error that this raises, or throws it. Returns that; or, when the time was over
// (`expired`), whatever the mutator made of the cancel, that it took too long.
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
