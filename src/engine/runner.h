// Runs mutations in order, each atomic by itself, in as few subtransactions as failures allow.
//
// A whole run of mutations shares one subtransaction. When one of them fails, the run is rolled back, what came before it is
// replayed, and it goes on behind it, with short runs that grow on success: so replays stay a small part of the work,
// whatever fails. A subtransaction per mutation would be simpler, but past 64 ids per
// transaction every snapshot of every other backend becomes slower (PGPROC_MAX_CACHED_SUBXIDS in storage/proc.h).
#pragma once

#include "engine/batch.h"
#include "engine/context.h"
#include "pg/memory.h"

namespace replicache::engine {

class Mutator;

class Runner {
public:
    // Mutations see the context with their client and id.
    Runner(const Batch& batch, Context& context) : batch_(batch), context_(context) {}

    // Runs the mutations of these indexes. Throws what the caller of the push must roll back for.
    void run(const std::vector<std::size_t>& todo);

    std::size_t processed() const { return processed_; }  // how many of `todo` are applied or rejected
    std::vector<Rejection>& rejected() { return rejected_; }
    std::optional<Halt>& halted() { return halted_; }

private:
    // How a run ended: with its last mutation, or before `end`, because that failed or has no mutator. What came before
    // `end` is applied, unless the run failed: then all of it is undone.
    struct Run {
        std::size_t end;
        std::optional<pg::PgError> error{};
        bool unknown = false;    // the error is that there is no mutator
        bool timed_out = false;  // …that replicache.mutation_timeout was over
        bool failed() const { return error && !unknown; }
    };
    Run attempt_run(std::size_t begin, std::size_t end);
    void run_block(std::size_t end);
    std::shared_ptr<Mutator> find(std::size_t position, std::optional<pg::PgError>& unknown);
    void call(std::size_t position, Mutator& mutator, bool& timed_out);
    void settle(const Run& run);
    void count(std::size_t succeeded, bool failed);

    const Mutation& mutation(std::size_t position) const { return batch_.mutations[(*todo_)[position]]; }

    const Batch& batch_;
    Context& context_;
    const std::vector<std::size_t>* todo_ = nullptr;
    pg::ScratchContext scratch_;
    std::size_t processed_ = 0;
    bool failed_ = false;     // some mutation has failed
    std::size_t streak_ = 0;  // how many have gone well since
    std::vector<Rejection> rejected_;
    std::optional<Halt> halted_;
};

}  // namespace replicache::engine
