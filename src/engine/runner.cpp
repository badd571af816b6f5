#include "engine/runner.h"

#include "engine/constraints.h"
#include "engine/mutator.h"
#include "engine/timeout.h"
#include "pg/settings.h"
#include "pg/subtransaction.h"

namespace replicache::engine {
namespace {

using pg::PgError;
using pg::SqlError;

// What becomes of a mutation whose mutator failed.
enum class Fate {
    rejected,   // for good: undone, but processed
    temporary,  // for now: undone, not processed, the push stops here
    raised,     // the whole transaction is broken or unwanted: the caller rolls back and tries again
};

constexpr int retry_later = MAKE_SQLSTATE('R', 'E', '0', '0', '1');

Fate fate_of(int sqlerrcode) {
    switch (sqlerrcode) {
        case retry_later:
        case ERRCODE_LOCK_NOT_AVAILABLE:
        case ERRCODE_OBJECT_IN_USE:
            return Fate::temporary;
        case ERRCODE_READ_ONLY_SQL_TRANSACTION:
            return Fate::raised;
        default:
            break;
    }
    switch (ERRCODE_TO_CATEGORY(sqlerrcode)) {
        case MAKE_SQLSTATE('0', '8', '0', '0', '0'):  // connection exception
        case MAKE_SQLSTATE('5', '3', '0', '0', '0'):  // insufficient resources
        case MAKE_SQLSTATE('5', '8', '0', '0', '0'):  // system error
            return Fate::temporary;
        case MAKE_SQLSTATE('4', '0', '0', '0', '0'):  // transaction rollback
        case MAKE_SQLSTATE('5', '7', '0', '0', '0'):  // operator intervention
        case MAKE_SQLSTATE('X', 'X', '0', '0', '0'):  // internal error
            return Fate::raised;
        default:
            return Fate::rejected;
    }
}

Failure failure_of(const PgError& error) {
    const auto optional = [](const char* text) { return text ? std::optional<std::string>(text) : std::nullopt; };
    const ErrorData& data = error.data();
    return {.sqlstate = unpack_sql_state(data.sqlerrcode),
            .message = data.message ? data.message : "",
            .detail = optional(data.detail),
            .hint = optional(data.hint)};
}

// How many subtransaction ids a push may leave, as long as blocks can keep their number down; and the size of a block.
constexpr std::size_t max_ids = 56;
constexpr std::size_t max_block = 32;

// After a failure, a run is as long as this part of the mutations that have gone well since: so replays cost less than
// this part of the work, whatever fails.
constexpr std::size_t replayed_part = 8;

}  // namespace

void Runner::run(const std::vector<std::size_t>& todo) {
    todo_ = &todo;
    const bool optimistic = pg::settings.optimistic_runs;
    std::size_t ids = 0;
    while (processed_ < todo.size() && !halted_) {
        const std::size_t begin = processed_;
        if (optimistic && failed_ && ids + (todo.size() - begin) / max_block >= max_ids) {
            ++ids;
            run_block(std::min(begin + max_block, todo.size()));
            continue;
        }
        const std::size_t length = !optimistic ? 1 : !failed_ ? todo.size() : std::max<std::size_t>(1, streak_ / replayed_part);
        Run run = attempt_run(begin, std::min(begin + length, todo.size()));
        count(run.end - begin, run.failed());
        if (run.failed() && run.end > begin) {
            // Replay what came before the failure. If it goes otherwise this time, nothing is known of what failed.
            const Run again = attempt_run(begin, run.end);
            if (again.failed() || again.end != run.end) {
                if (!again.failed()) processed_ = again.end;
                continue;
            }
        }
        if (run.end > begin) ++ids;
        processed_ = run.end;
        if (run.error) settle(run);
    }
}

void Runner::count(std::size_t succeeded, bool failed) {
    failed_ |= failed;
    streak_ = failed ? 0 : streak_ + succeeded;
}

Runner::Run Runner::attempt_run(std::size_t begin, std::size_t end) {
    Run run{.end = begin};
    bool forbidden = false;
    std::optional<PgError> unknown;
    run.error = pg::attempt([&] {
        for (; run.end < end; ++run.end) {
            const std::shared_ptr<Mutator> mutator = find(run.end, unknown);
            if (!mutator) return;
            forbidden = true;
            mutator->check_privilege();
            forbidden = false;
            call(run.end, *mutator, run.timed_out);
        }
    });
    if (run.timed_out) {
        // Whatever the mutator made of the cancel, unless it failed for another reason before.
        if (run.error->sqlerrcode() == ERRCODE_QUERY_CANCELED)
            run.error.emplace(PgError::make(MutationTimeout::error(mutation(run.end).name)));
        else
            run.timed_out = false;
    }
    if (run.error && (forbidden || (!run.timed_out && fate_of(run.error->sqlerrcode()) == Fate::raised)))
        throw std::move(*run.error);
    if (unknown) {
        run.error = std::move(unknown);
        run.unknown = true;
    }
    return run;
}

// One run for a block of mutations even if many of them fail: a trial finds out which, and is undone.
void Runner::run_block(std::size_t end) {
    const std::size_t begin = processed_;
    if (streak_ >= end - begin) {
        const Run all = attempt_run(begin, end);
        count(all.end - begin, all.failed());
        if (!all.failed()) {
            processed_ = all.end;
            if (all.unknown) settle(all);
            return;
        }
    }
    std::vector<Run> verdicts;
    pg::Subtransaction trial;
    for (std::size_t i = begin; i < end; ++i) {
        verdicts.push_back(attempt_run(i, i + 1));
        const Run& last = verdicts.back();
        count(last.end - i, last.failed());
        if (last.failed() && !last.timed_out && fate_of(last.error->sqlerrcode()) == Fate::temporary) break;
    }
    trial.roll_back();

    bool as_before = true;
    const auto replay = pg::attempt([&] {
        for (std::size_t i = 0; i < verdicts.size() && as_before; ++i) {
            if (verdicts[i].error) continue;
            std::optional<PgError> unknown;
            bool timed_out = false;
            const std::shared_ptr<Mutator> mutator = find(begin + i, unknown);
            as_before = mutator != nullptr;
            if (mutator) call(begin + i, *mutator, timed_out);
        }
        if (!as_before) throw SqlError(ERRCODE_INTERNAL_ERROR, "a mutator has gone");  // undoes the replay
    });
    for (std::size_t i = 0; i < verdicts.size() && !halted_; ++i) {
        // Without a replay, each for itself.
        Run run = replay ? attempt_run(begin + i, begin + i + 1) : std::move(verdicts[i]);
        processed_ = run.end;
        if (run.error) settle(run);
    }
}

// Null when there is no such mutator, and then `unknown` says so.
std::shared_ptr<Mutator> Runner::find(std::size_t position, std::optional<PgError>& unknown) {
    try {
        return find_mutator(mutation(position).name);
    } catch (const SqlError& error) {
        unknown.emplace(PgError::make(error));
        return nullptr;
    }
}

void Runner::call(std::size_t position, Mutator& mutator, bool& timed_out) {
    pg::check_interrupts();
    scratch_.reset();
    context_.client_id = mutation(position).client_id;
    context_.mutation_id = mutation(position).id;
    {
        const MutationTimeout timeout(timed_out);
        mutator.call(mutation(position).args);
        check_deferred_constraints();
    }
    if (timed_out) throw MutationTimeout::error(mutation(position).name);
}

// Counts the mutation that ended the run as rejected, or halts before it.
void Runner::settle(const Run& run) {
    const std::size_t index = (*todo_)[run.end];
    if (!run.timed_out && !run.unknown && fate_of(run.error->sqlerrcode()) == Fate::temporary) {
        halted_ = Halt{.reason = Halt::Reason::temporary, .mutation = index, .expected = 0, .failure = failure_of(*run.error)};
        return;
    }
    rejected_.push_back({index, failure_of(*run.error)});
    ++processed_;
}

}  // namespace replicache::engine
