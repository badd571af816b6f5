#include "engine/last_mutation_at/push.h"

#include "engine/last_mutation_at/paging.h"
#include "engine/rows/row_changes.h"
#include "engine/session/constraints.h"
#include "engine/session/context.h"
#include "engine/session/failure.h"
#include "engine/session/push_guard.h"
#include "pg/memory.h"
#include "pg/settings.h"
#include "pg/subtransaction.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::PgError;
using pg::SqlError;
using Status = SyncPush::Status;

class SyncPusher {
public:
    SyncPusher(const std::vector<RowChange>& changes, const std::string& user)
        : changes_(changes), user_(user), space_(take_user_space(user)) {}

    std::int64_t head() const { return space_.head(); }

    SyncPush run() {
        // The caller may have deferred constraints. A violation of the caller must not be blamed on a change.
        check_deferred_constraints();
        const Context context{.user_id = user_, .space = user_, .version = version_of(space_)};
        const ContextScope scope(context);
        if (pg::settings.set_wise && pg::settings.optimistic_runs && changes_.size() > 1)
            if (auto result = attempt(Mode::together)) return *std::move(result);
        return *attempt(Mode::one_by_one);
    }

private:
    using Mode = RowChanges::Mode;

    class Rows final : public RowChanges {
    public:
        Rows(SyncPusher& push, Mode mode) : RowChanges(mode, [] {}), push_(push) {}

    private:
        std::shared_ptr<RowWriter> find(const RowChange& change) override {
            auto writer = find_resource(change.table, RowExclusiveLock);
            if (!writer)
                throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "\"" + change.table + "\" has ceased to be a resource meanwhile",
                               {}, "Send the request again.");
            return writer;
        }
        std::optional<ParsedChange> parse(const TableShape& shape, const RowChange& change) override {
            return parse_owned_change(shape, change, push_.user_);
        }
        bool write_pending(RowWriter& writer, Timing timing, std::optional<PgError>& error) override {
            return push_.write(writer, timing, error);
        }

        SyncPusher& push_;
    };

    // Nullopt: one by one, the changes tell which of them fails.
    std::optional<SyncPush> attempt(Mode mode) {
        applied_ = 0;
        known_.reset();
        result_ = {};
        const std::int64_t version = space_.version;
        Rows rows(*this, mode);
        bool undone = false;  // without an error
        std::optional<PgError> error = pg::attempt([&] {
            undone = true;
            for (const RowChange& change : changes_) {
                pg::check_interrupts();
                scratch_.reset();
                if (!rows.apply(change)) return pg::Ending::undo;
            }
            if (!rows.write()) return pg::Ending::undo;
            undone = false;
            return pg::Ending::commit;
        });
        if (!error) error = rows.take_error();
        rows.release();
        if (error || undone) {
            // No reader has seen the versions above this one. If the transaction changed something before, its head is what it was.
            space_.version = version;
            if (rows.has_deferred() && (!error || scope_of(*error) == Scope::mutation)) return std::nullopt;
            return error ? refuse(*error) : refusal(Status::no_such_row);
        }
        if (known_) note_read_ahead(user_, *known_, head());
        result_.head = known_.value_or(head());
        return std::move(result_);
    }

    // Writes what waits, and adds it to the answer. False: see RowChanges::apply.
    bool write(RowWriter& writer, Timing timing, std::optional<PgError>& error) {
        const std::int64_t before = head(), stamps = space_.stamps;
        rows_.clear();
        if (!writer.write_owned(timing, rows_, error)) return false;
        if (rows_.size() > 1 && !are_stamped_in_order(before, stamps)) return false;
        // An update that changes nothing keeps the row's version, and is a mutation all the same.
        if (head() == before) stamp_unchanged();
        for (std::size_t i = 0; i < rows_.size(); ++i) add_mutation(changes_[applied_ + i], rows_[i], before);
        check_deferred_constraints();
        const auto written = static_cast<std::int64_t>(rows_.size());
        applied_ += rows_.size();
        if (space_.stamps > stamps + written && !known_) known_ = before;
        return true;
    }

    // Whether each of the rows was given a version, in their order, and nothing else was.
    bool are_stamped_in_order(std::int64_t before, std::int64_t stamps) const {
        if (space_.stamps != stamps + static_cast<std::int64_t>(rows_.size())) return false;
        for (const RowWriter::OwnedRow& row : rows_)
            if (row.version <= std::exchange(before, row.version)) return false;
        return true;
    }

    // `before`: the head.
    void add_mutation(const RowChange& change, RowWriter::OwnedRow& row, std::int64_t before) {
        const bool removed = change.kind == RowChange::Kind::remove;
        result_.mutations.push_back({.kind = change.kind,
                                     .resource = change.table,
                                     .id = row.id,
                                     .data = !removed         ? std::move(row.data)
                                             : row.id.empty() ? std::move(row.identity)
                                                              : "{}",
                                     .timestamp = row.version > before ? row.version : head()});
    }

    // As if it had written something: what comes later in this transaction is to see the head (head_of).
    void stamp_unchanged() {
        stamp(space_);
        pg::guarded([] {
            GetCurrentCommandId(true);
            CommandCounterIncrement();
        });
    }

    SyncPush refuse(PgError& error) {
        if (halts(error.defect()) || !sqlstate::is_about_the_data(error.sqlerrcode())) throw std::move(error);
        SyncPush result = refusal(Status::invalid);
        if (error.data().message != nullptr) result.message = error.data().message;
        return result;
    }

    SyncPush refusal(Status status) const { return {.status = status, .head = head(), .failed = applied_}; }

    const std::vector<RowChange>& changes_;
    const std::string& user_;
    Space& space_;
    pg::ScratchContext scratch_;
    SyncPush result_;
    std::vector<RowWriter::OwnedRow> rows_{};  // that were written last
    std::size_t applied_ = 0;
    // A trigger, or a foreign key, has changed more than the mutation. The answer does not tell that, and so must not name a head that
    // covers it: the next push is out of sync, and the pull after it tells.
    std::optional<std::int64_t> known_{};
};

}  // namespace

SyncPush sync_push(const std::vector<RowChange>& changes, std::int64_t head, const std::string& user) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.sync_push()"); });
    const PushGuard guard("sync_push");
    SyncPusher push(changes, user);
    if (push.head() != head) return {.status = Status::out_of_sync, .head = push.head()};
    return push.run();
}

// Locked to be read only: the space has to be taken before the table is locked to be written.
bool is_resource(const std::string& name) { return find_resource(name, AccessShareLock) != nullptr; }

bool has_composite_key(const std::string& resource) {
    const auto writer = find_resource(resource, AccessShareLock);
    return writer && writer->resource()->composite;
}

}  // namespace replicache::engine
