// replicache.mutation_timeout: cancels a mutator that runs too long.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// The clock of one mutator call: starts with the scope, and cancels what runs when the time is over.
class MutationTimeout {
public:
    MutationTimeout();
    ~MutationTimeout() { stop(); }
    MutationTimeout(const MutationTimeout&) = delete;
    MutationTimeout& operator=(const MutationTimeout&) = delete;

    // Stops the clock. A cancel that has not been taken yet is taken back.
    void stop();
    // Whether the time was over before stop.
    bool expired() const;
    // The error of a mutation that took too long.
    pg::SqlError error(const std::string& mutator) const;

private:
    int milliseconds_;
    bool running_;
};

}  // namespace replicache::engine
