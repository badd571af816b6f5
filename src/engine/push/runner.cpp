#include "engine/push/runner.h"

#include "engine/mutators/mutator_registry.h"
#include "engine/push/attempt.h"
#include "engine/session/constraints.h"
#include "engine/session/failure.h"
#include "engine/session/timeout.h"
#include "pg/settings.h"
#include "pg/settings_scope.h"
#include "pg/subtransaction.h"

extern "C" {
#include "storage/proc.h"
}

namespace replicache::engine {
namespace {

using pg::PgError;
using pg::SqlError;

// How many ids of subtransactions a push may use up, as long as blocks can keep their number low.
constexpr std::size_t max_ids = 56;
// How many mutations are in a block.
constexpr std::size_t max_block = 32;
// How many calls of one mutator pay for a statement that makes all of them.
constexpr std::size_t least_group = 8;

// After a failure, a run is no longer than short_run, so that a replay costs little. It may be longer when eight times as many mutations
// have succeeded since the failure. A block costs nearly two calls per mutation, no matter how many of them fail.
constexpr std::size_t short_run = 6;
constexpr std::size_t replayed_part = 8;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

std::span<const std::size_t> first_of(std::span<const std::size_t> all, std::size_t n) { return all.first(std::min(n, all.size())); }

}  // namespace

void Runner::run(const std::vector<std::size_t>& todo) {
    while (processed() < todo.size() && !halted()) {
        const Indexes rest = Indexes(todo).subspan(processed());
        if (processed() > 0 && time_.is_up()) {
            tally_.halted =
                Halt{.reason = Halt::Reason::temporary, .mutation = rest.front(), .expected = 0, .failure = PushTime::failure()};
            return;
        }
        const std::size_t needed = needed_length(rest.size()), proven = streak_ / replayed_part;
        if (!pg::settings.optimistic_runs)
            run_some(rest.first(1), 1);
        else if (failed_ == 0)
            run_some(rest, needed);
        else if (needed <= std::max(short_run, proven))
            run_some(first_of(rest, std::max(needed, proven)), needed);
        else
            run_block(first_of(rest, max_block));
    }
}

// How long runs must be so that the remaining ids suffice, if mutations go on to succeed as often as before. Rounded down: when that has
// used up too many ids, the next runs are longer.
std::size_t Runner::needed_length(std::size_t remaining) const {
    const std::size_t ids_left = tally_.ids < max_ids ? max_ids - tally_.ids : 1;
    const std::size_t expected = failed_ == 0 ? remaining : remaining * succeeded_ / (succeeded_ + failed_);
    return std::max<std::size_t>(1, expected / ids_left);
}

void Runner::count(const Run& result) {
    succeeded_ += result.done;
    streak_ += result.done;
    if (!result.error) return;
    ++failed_;
    streak_ = 0;
}

Runner::Run Runner::attempt_run(Indexes run) { return attempt_run(run, run.size()); }

Runner::Run Runner::attempt_run(Indexes run, std::size_t least) {
    // Rows that are written together must be written again one by one when they fail. That does not pay while many mutations fail.
    const bool together = pg::settings.set_wise && run.size() > 1 && (failed_ == 0 || streak_ >= run.size());
    return attempt_run(run, least, together ? RowChanges::Mode::together : RowChanges::Mode::one_by_one);
}

Runner::Run Runner::attempt_run(Indexes run, std::size_t least, RowChanges::Mode mode) {
    Run result;
    Attempt attempt(mode);
    std::optional<PgError> returned;
    auto thrown = pg::attempt([&] {
        returned = call_all(run, least, result, attempt);
        return returned || attempt.undo ? pg::Ending::undo : pg::Ending::commit;
    });
    result.error = thrown ? std::move(thrown) : std::move(returned);
    if (!result.error && !attempt.undo) return result;
    attempt.release();
    // Written one by one, the rows tell which of them has failed. A cancel from outside is not tried again.
    if (attempt.undo || (attempt.has_deferred() && (attempt.timed_out || scope_of(*result.error) != Scope::caller)))
        return attempt_run(run, least, RowChanges::Mode::one_by_one);
    if (attempt.timed_out && result.error->sqlerrcode() == ERRCODE_QUERY_CANCELED) return result;
    const Scope scope = scope_of(*result.error);
    if (attempt.forbidden || scope == Scope::caller) throw std::move(*result.error);
    result.temporary = scope == Scope::push;
    return result;
}

std::optional<PgError> Runner::call_all(Indexes run, std::size_t least, Run& result, Attempt& attempt) {
    const TimestampTz end = time_.end_of_run();
    for (; result.done < run.size() && !(result.done > 0 && PushTime::has_come(end)); ++result.done) {
        const std::size_t index = run[result.done];
        const Mutation& mutation = batch_.mutations[index];
        std::shared_ptr<Mutator> mutator;
        try {
            mutator = find_mutator(mutation.name);
        } catch (const SqlError& error) {
            if (halts(error.defect)) throw;
            result.unknown.push_back({index, failure_of(PgError::make(error))});
            continue;
        }
        if (result.done >= least && mutator->failure_rate.endangers(result.done - result.unknown.size())) break;
        attempt.forbidden = true;
        mutator->check_privilege();
        attempt.forbidden = false;
        auto error = call(run.subspan(result.done), mutator, attempt);
        mutator->failure_rate.count(error.has_value());
        if (error || attempt.undo) return error;
    }
    // What waits belongs to mutations that are done. A timeout here has no mutation to blame, so attempt_run runs them one by one.
    if (!attempt.has_pending()) return std::nullopt;
    return within_timeout("", attempt.timed_out, [&attempt] { return attempt.finish(); });
}

// Calls the mutator of the first mutation, or lets the call wait until others can be made together with it.
std::optional<PgError> Runner::call(Indexes rest, const std::shared_ptr<Mutator>& mutator, Attempt& attempt) {
    const Mutation& mutation = batch_.mutations[rest.front()];
    pg::check_interrupts();
    scratch_.reset();
    return within_timeout(mutation.name, attempt.timed_out, [&]() -> std::optional<PgError> {
        const auto change = mutator->row_change(mutation.args);
        const std::string& client_id = batch_.client_of(mutation);
        const bool joins = attempt.has_calls() ? attempt.is_calling(*mutator) : change.has_value();
        if (!joins || context_.client_id != client_id) {
            auto error = attempt.finish();
            if (error || attempt.undo) return error;
        }
        context_.client_id = client_id;
        context_.mutation_id = mutation.id;
        if (change) return attempt.apply(*change);
        if (!attempt.has_calls() && attempt.mode() == RowChanges::Mode::together && begins_group(rest)) attempt.start_calls(mutator);
        return attempt.has_calls() ? attempt.add_call(mutation.args) : call_now(rest.front(), *mutator);
    });
}

std::optional<PgError> Runner::call_now(std::size_t index, Mutator& mutator) {
    pg::SettingsScope settings;
    std::string* const result = results_ != nullptr ? &(*results_)[index] : nullptr;
    if (result != nullptr) result->clear();  // of an attempt that was undone
    if (auto error = mutator.call(batch_.mutations[index].args, result)) return error;
    check_deferred_constraints();
    settings.restore();
    return std::nullopt;
}

// Whether so many mutations call one mutator, for one client, that it may pay to make the calls by one statement.
bool Runner::begins_group(Indexes rest) const {
    if (rest.size() < least_group) return false;
    const Mutation& first = batch_.mutations[rest.front()];
    return std::all_of(rest.begin() + 1, rest.begin() + least_group, [&](std::size_t index) {
        const Mutation& other = batch_.mutations[index];
        return other.name == first.name && batch_.client_of(other) == batch_.client_of(first);
    });
}

// Runs the mutations up to the first failure, and settles that, too.
void Runner::run_some(Indexes run, std::size_t least) {
    Run result = attempt_run(run, least);
    count(result);
    if (result.error && result.done > 0) {
        Run replay = attempt_run(run.first(result.done));
        // The replay has failed where the first attempt had not. So the earlier failure says nothing any more.
        if (replay.error) return run_some(run.first(1), 1);
        if (replay.done < result.done) return settle(run, std::move(replay));
        result.unknown = std::move(replay.unknown);
    }
    settle(run, std::move(result));
}

// Uses one id for a block of mutations, even if many of them fail. A trial finds out which ones fail, and is rolled back.
void Runner::run_block(Indexes block) {
    if (streak_ >= block.size()) {
        Run all = attempt_run(block);
        count(all);
        if (!all.error) return settle(block, std::move(all));
    }
    Tally verdict = try_block(block);
    std::vector<std::size_t> healthy(block.begin(), block.end());
    healthy.resize(verdict.processed);
    for (const Rejection& rejection : verdict.rejected) std::erase(healthy, rejection.mutation);

    Run replay = attempt_run(healthy);
    if (replay.error) {  // the replay does not go like the trial, so each mutation runs by itself
        for (std::size_t i = 0; i < block.size() && !halted() && !(i > 0 && time_.is_up()); ++i) run_some(block.subspan(i, 1), 1);
        return;
    }
    if (replay.done < healthy.size()) {  // for lack of time
        std::erase_if(verdict.rejected, [end = healthy[replay.done]](const Rejection& rejection) { return rejection.mutation > end; });
        verdict.halted.reset();
    }
    settle(healthy, std::move(replay));
    tally_.processed += verdict.rejected.size();
    std::move(verdict.rejected.begin(), verdict.rejected.end(), std::back_inserter(tally_.rejected));
    tally_.halted = std::move(verdict.halted);
}

// Finds out what would become of the block, and rolls it back. The runs inside are only as short as the ids allow, too: a transaction that
// once had too many ids stays slow for others.
Runner::Tally Runner::try_block(Indexes block) {
    const std::size_t ids_left = tally_.ids + 2 < PGPROC_MAX_CACHED_SUBXIDS ? PGPROC_MAX_CACHED_SUBXIDS - tally_.ids - 2 : 1;
    Tally outer = std::exchange(tally_, {});
    const std::size_t length = divide_up(block.size(), ids_left);
    const TimestampTz end = time_.end_of_run();
    auto error = pg::attempt([&] {
        while (processed() < block.size() && !halted() && !(processed() > 0 && PushTime::has_come(end)))
            run_some(first_of(block.subspan(processed()), length), length);
        return pg::Ending::undo;
    });
    Tally verdict = std::exchange(tally_, std::move(outer));
    if (error) throw std::move(*error);
    return verdict;
}

// Records the mutations of a run that are done, and the failure that ended it.
void Runner::settle(Indexes run, Run result) {
    if (result.done > result.unknown.size()) ++tally_.ids;
    tally_.processed += result.done;
    std::move(result.unknown.begin(), result.unknown.end(), std::back_inserter(tally_.rejected));
    if (result.error) fail(run[result.done], result);
}

// Counts the mutation as rejected, or halts before it.
void Runner::fail(std::size_t index, const Run& result) {
    if (result.temporary) {
        tally_.halted = Halt{.reason = Halt::Reason::temporary, .mutation = index, .expected = 0, .failure = failure_of(*result.error)};
        return;
    }
    tally_.rejected.push_back({index, failure_of(*result.error)});
    ++tally_.processed;
}

}  // namespace replicache::engine
