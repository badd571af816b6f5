// What one run of a Runner has done so far, and what waits to be done by one statement: rows of exposed tables, or calls of one mutator.
#pragma once

#include "engine/mutators/call_group.h"
#include "engine/rows/row_changes.h"

namespace replicache::engine {

class Mutator;

// Where a function returns an error, it is of something that has waited, or of what was added. If `undo` is set without an error, one
// statement cannot do what waits. Both ways, the subtransaction of the run must be rolled back.
class Attempt {
public:
    explicit Attempt(RowChanges::Mode mode);

    RowChanges::Mode mode() const { return mode_; }
    bool has_pending() const { return rows_.has_pending() || calls_; }                 // something waits
    bool has_deferred() const { return rows_.has_deferred() || has_deferred_calls_; }  // something has waited at any time

    // Whether calls wait, and whether they are of this mutator.
    bool is_calling(const Mutator& mutator) const { return mutator_.get() == &mutator; }
    bool has_calls() const { return calls_ != nullptr; }  // one mutator's

    std::optional<pg::PgError> apply(const RowChange& change);
    // Lets calls of the mutator wait from now on, if one statement can make them. Nothing else may wait. If this throws, the mutator has
    // an error that need not be the one of a call.
    void start_calls(const std::shared_ptr<Mutator>& mutator);
    std::optional<pg::PgError> add_call(std::string_view args);
    // Does what waits.
    std::optional<pg::PgError> finish();
    // After a rollback.
    void release();

    bool forbidden = false;  // the caller may not execute the mutator
    bool timed_out = false;  // the last call
    bool undo = false;

private:
    std::optional<pg::PgError> error_of_rows(bool applied);
    std::optional<pg::PgError> make_calls();

    const RowChanges::Mode mode_;
    RowChanges rows_;
    // Calls of one mutator that wait. Null: none do.
    std::shared_ptr<Mutator> mutator_{};
    std::unique_ptr<CallGroup> calls_{};
    bool has_deferred_calls_ = false;
};

}  // namespace replicache::engine
