#include "engine/push/upload.h"

#include "engine/mutators/queued_call.h"
#include "engine/push/rejection.h"
#include "engine/rows/row_changes.h"
#include "engine/session/constraints.h"
#include "engine/session/context.h"
#include "engine/session/failure.h"
#include "engine/session/push_guard.h"
#include "engine/session/push_time.h"
#include "engine/session/upload_client.h"
#include "engine/table/mutator_queue.h"
#include "pg/memory.h"
#include "pg/settings.h"
#include "pg/subtransaction.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::Ending;
using pg::PgError;
using pg::SpiConnection;
using Status = TransactionResult::Status;

class Uploader {
public:
    Uploader(const Upload& upload, const std::optional<std::string>& user_id)
        : upload_(upload),
          user_id_(user_id),
          client_(upload.client_id, user_id),
          context_{.user_id = user_id, .client_id = upload.client_id},
          results_(upload.transactions.size()) {}

    std::vector<TransactionResult> run() {
        // The caller may have deferred constraints. A violation of the caller must not be blamed on a change.
        check_deferred_constraints();
        {
            const ContextScope scope(context_);
            run(0, results_.size());
        }
        store_rejections(upload_, results_, user_id_);
        client_.store(upload_.checkpoint);
        return std::move(results_);
    }

private:
    // Client transactions are tried together, because most of them succeed. When they fail, each half is tried by itself. So a single
    // failure costs little.
    void run(std::size_t first, std::size_t last) {
        if (first == last || stopped_) return;
        if (settled_ && time_.is_up()) {
            results_[first].status = Status::temporary;
            results_[first].failure = PushTime::failure();
            stopped_ = true;
            return;
        }
        if (last - first == 1) return run_transaction(first);
        if (optimistic())
            if (const std::size_t settled = run_together(first, last); settled > first) return run(settled, last);
        const std::size_t middle = first + (last - first) / 2;
        run(first, middle);
        run(middle, last);
    }

    static bool optimistic() { return pg::settings.set_wise && pg::settings.optimistic_runs; }

    // Returns the first transaction that is not settled. `first`: none of them is.
    std::size_t run_together(std::size_t first, std::size_t last) {
        const auto transactions = std::span(upload_.transactions).subspan(first, last - first);
        for (const ClientTransaction& transaction : transactions)
            if (std::any_of(transaction.changes.begin(), transaction.changes.end(),
                            [this](const RowChange& c) { return client_.has_processed(c); }))
                return first;
        const TimestampTz end = time_.end_of_run();
        std::size_t at = first;       // the current transaction
        std::size_t written = first;  // all transactions before this one are written
        bool dirty = false;           // the current transaction has written something
        RowChanges rows(RowChanges::Mode::together, [&] {
            dirty = true;
            if (written == at) return;
            check_deferred_constraints();
            written = at;
        });
        timed_out_ = false;
        bool undone = false;  // without an error
        std::optional<PgError> error = pg::attempt([&] {
            undone = true;
            for (; at < last && !(at > first && PushTime::has_come(end)); ++at) {
                dirty = false;
                for (const RowChange& change : upload_.transactions[at].changes) {
                    dirty = dirty || is_mutator_queue(change.table);
                    if (!apply(change, rows)) return Ending::undo;
                }
                if (rows.has_pending() && !dirty) continue;
                if (!rows.write()) return Ending::undo;
                check_deferred_constraints();
                written = at + 1;
            }
            if (!rows.write()) return Ending::undo;
            undone = false;
            return Ending::commit;
        });
        if (!error) error = rows.take_error();
        rows.release();
        if (error && error->sqlerrcode() == ERRCODE_LOCK_NOT_AVAILABLE) {  // not in halves: each half would wait for the lock again
            for (std::size_t i = first; i < last; ++i) run(i, i + 1);
            return last;
        }
        if (error ? !is_timeout(*error) : undone) return first;
        if (error) {  // the transactions before the timeout succeeded in time, so they may run again
            const bool by_mutator = timed_out_;
            if (!by_mutator) time_.lift();
            run(first, written);
            if (by_mutator) {
                run(written, written + 1);
                run(written + 1, last);
            } else if (!stopped_) {
                timed_out_ = false;
                fail(results_[written], std::move(*error));
            }
            return last;
        }
        for (std::size_t i = first; i < at; ++i) {
            results_[i].status = Status::success;
            client_.processed(upload_.transactions[i]);
        }
        settled_ = true;
        return at;
    }

    void run_transaction(std::size_t i) {
        const ClientTransaction& transaction = upload_.transactions[i];
        TransactionResult& result = results_[i];
        result.status = Status::success;
        const auto& changes = transaction.changes;
        if (!changes.empty() &&
            std::all_of(changes.begin(), changes.end(), [this](const RowChange& c) { return client_.has_processed(c); })) {
            // The client did not get the answer. It gets the same one again.
            result = find_rejection(upload_, transaction, user_id_);
            stopped_ = result.status == Status::rejected && !upload_.skip_rejected;
            return;
        }
        settled_ = true;
        std::size_t at = 0;
        bool undone = false;  // without an error
        const auto attempt = [&](RowChanges& rows) {
            timed_out_ = false;
            auto failed = pg::attempt([&] {
                undone = true;
                for (at = 0; at < changes.size(); ++at)
                    if (!client_.has_processed(changes[at]) && !apply(changes[at], rows)) return Ending::undo;
                if (!rows.write()) return Ending::undo;
                undone = false;
                check_deferred_constraints();
                return Ending::commit;
            });
            return failed ? std::move(failed) : rows.take_error();
        };
        using Mode = RowChanges::Mode;
        RowChanges rows(optimistic() && changes.size() > 1 ? Mode::together : Mode::one_by_one, [] {});
        std::optional<PgError> error = attempt(rows);
        rows.release();
        if (error ? rows.has_deferred() && !is_timeout(*error) : undone) {  // one by one, the changes tell which of them fails
            RowChanges single_rows(Mode::one_by_one, [] {});
            error = attempt(single_rows);
        }
        if (error) {
            fail(result, std::move(*error));
            if (at < changes.size()) result.change = at;  // otherwise a deferred constraint has failed
            if (result.failure.defect && result.status == Status::temporary)
                log_defect(name_of(changes[std::min(at, changes.size() - 1)]), upload_.client_id.value_or(""), result.failure);
        }
        if (result.status != Status::temporary) client_.processed(transaction);
    }

    // False: see RowChanges::apply.
    [[nodiscard]] bool apply(const RowChange& change, RowChanges& rows) {
        pg::check_interrupts();
        scratch_.reset();
        const bool call = is_mutator_queue(change.table);
        if (call) {
            if (!rows.write()) return false;
            rows.release();
        }
        if (change.number != 0) context_.mutation_id = change.number;
        if (!call) return rows.apply(change);
        const PushGuard guard("powersync_upload");
        call_mutator(change, timed_out_);
        return true;
    }

    // A timeout leaves no time for another attempt.
    static bool is_timeout(const PgError& error) { return sqlstate::is_cancel(error.sqlerrcode()); }

    // A client transaction is atomic by itself. So a serialization failure or a cancel is about this transaction only, and the answer can
    // report the ones before it. In a push, these errors are about the whole push.
    void fail(TransactionResult& result, PgError error) {
        result.failure = failure_of(error);
        // As in a push, a mutator that takes too long is rejected. It would take too long again, and block the queue forever.
        const bool too_long = timed_out_ && error.sqlerrcode() == ERRCODE_QUERY_CANCELED;
        const bool temporary = !too_long && (result.failure.defect || sqlstate::is_temporary(error.sqlerrcode()));
        if (!temporary && !too_long && sqlstate::scope_of(error.sqlerrcode()) == Scope::caller) throw std::move(error);
        result.status = temporary ? Status::temporary : Status::rejected;
        if (error.data().column_name != nullptr) result.column = error.data().column_name;
        stopped_ = temporary || !upload_.skip_rejected;
    }

    const Upload& upload_;
    const std::optional<std::string>& user_id_;
    UploadClient client_;
    Context context_;
    pg::ScratchContext scratch_;
    std::vector<TransactionResult> results_;
    PushTime time_;
    bool settled_ = false;    // at least one transaction is settled
    bool stopped_ = false;    // the transactions that are left are not attempted
    bool timed_out_ = false;  // the last mutator that the transaction has called took too long
};

}  // namespace

std::vector<TransactionResult> upload(const Upload& upload, const std::optional<std::string>& user_id) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.powersync_upload()"); });
    PushGuard::check("powersync_upload");
    const SpiConnection spi;
    return Uploader(upload, user_id).run();
}

}  // namespace replicache::engine
