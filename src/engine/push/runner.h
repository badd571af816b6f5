// Runs mutations in order, each atomic by itself, in as few subtransactions as failures allow.
//
// A whole push shares one subtransaction. When one of its mutations fails, the subtransaction is rolled back, the mutations before the
// failure are replayed, and the push continues after it. From then on, one subtransaction per mutation would be the cheapest. But with more
// than 64 ids per transaction, every snapshot of every other backend becomes slower (PGPROC_MAX_CACHED_SUBXIDS in storage/proc.h). So runs
// are only as short as the remaining ids allow.
#pragma once

#include "engine/rows/row_changes.h"
#include "engine/session/context.h"
#include "engine/session/push_time.h"
#include "model/batch.h"
#include "pg/memory.h"

namespace replicache::engine {

class Attempt;
class Mutator;

class Runner {
public:
    // Mutations see the context with their client and id. `results`: one text per mutation of the batch, which gets the JSON that the
    // mutator returns; null: none is wanted.
    Runner(const Batch& batch, Context& context, std::vector<std::string>* results = nullptr)
        : batch_(batch), context_(context), results_(results) {}

    // Runs the mutations of these indexes, or as many as there is time for, but at least one. After an exception, the mutations that are
    // processed stand, and none of the others has left a trace: the caller may call it again, which goes on from there.
    void run(const std::vector<std::size_t>& todo);

    std::size_t processed() const { return tally_.processed; }  // how many of `todo` are applied or rejected
    std::vector<Rejection>& rejected() { return tally_.rejected; }
    std::optional<Halt>& halted() { return tally_.halted; }

private:
    using Indexes = std::span<const std::size_t>;  // of mutations in the batch

    // The result of one run. It ends with its last mutation, for lack of time, before a mutation that is likely to fail, or at a mutation
    // that failed. A run that failed was rolled back as a whole.
    struct Run {
        std::size_t done = 0;                // how many mutations came before the end
        std::vector<Rejection> unknown{};    // the ones among them without a mutator
        std::optional<pg::PgError> error{};  // of the mutation that failed
        bool temporary = false;              // that mutation is not rejected, and the push stops before it
    };
    // The results of all mutations so far.
    struct Tally {
        std::size_t processed = 0;
        std::size_t ids = 0;  // of subtransactions that were committed
        std::vector<Rejection> rejected{};
        std::optional<Halt> halted{};
    };
    // `least`: before so many mutations, the run does not end for fear of a failure. By default it never does.
    Run attempt_run(Indexes run);
    Run attempt_run(Indexes run, std::size_t least);
    Run attempt_run(Indexes run, std::size_t least, RowChanges::Mode mode);
    std::optional<pg::PgError> call_all(Indexes run, std::size_t least, Run& result, Attempt& attempt);
    std::optional<pg::PgError> call(Indexes rest, const std::shared_ptr<Mutator>& mutator, Attempt& attempt);
    std::optional<pg::PgError> call_now(std::size_t index, Mutator& mutator);
    bool begins_group(Indexes rest) const;
    void run_some(Indexes run, std::size_t least);
    void run_block(Indexes block);
    Tally try_block(Indexes block);
    void settle(Indexes run, Run result);
    void fail(std::size_t index, const Run& result);
    void count(const Run& result);
    std::size_t needed_length(std::size_t remaining) const;

    const Batch& batch_;
    Context& context_;
    std::vector<std::string>* results_;
    pg::ScratchContext scratch_;
    PushTime time_;
    Tally tally_;
    std::size_t succeeded_ = 0;  // mutations that succeeded at the first attempt
    std::size_t failed_ = 0;     // mutations that failed at the first attempt
    std::size_t streak_ = 0;     // how many have succeeded since the last failure
};

}  // namespace replicache::engine
