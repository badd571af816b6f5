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

}  // namespace replicache::engine
