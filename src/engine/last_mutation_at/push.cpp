#include "engine/last_mutation_at/push.h"

#include "engine/last_mutation_at/paging.h"
#include "engine/rows/row_writer.h"
#include "engine/session/constraints.h"
#include "engine/session/context.h"
#include "engine/session/failure.h"
#include "engine/session/push_guard.h"
#include "pg/memory.h"
#include "pg/settings_scope.h"
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
        const std::int64_t version = space_.version;
        bool missing = false;  // a row
        std::optional<PgError> error = pg::attempt([&] {
            for (const RowChange& change : changes_) {
                pg::check_interrupts();
                scratch_.reset();
                const std::int64_t before = head(), stamps = space_.stamps;
                pg::SettingsScope settings;
                if (!apply(change, before)) {
                    missing = true;
                    return pg::Ending::undo;
                }
                check_deferred_constraints();
                settings.restore();
                ++applied_;
                if (space_.stamps > stamps + 1 && !known_) known_ = before;
            }
            return pg::Ending::commit;
        });
        if (error || missing) {
            // No reader has seen the versions above this one. If the transaction changed something before, its head is what it was.
            space_.version = version;
            return error ? refuse(*error) : refusal(Status::no_such_row);
        }
        if (known_) note_read_ahead(user_, *known_, head());
        result_.head = known_.value_or(head());
        return std::move(result_);
    }

private:
    // `before`: the head. False: the user has no such row.
    bool apply(const RowChange& change, std::int64_t before) {
        const auto writer = find_resource(change.table, RowExclusiveLock);
        if (!writer)
            throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "\"" + change.table + "\" has ceased to be a resource meanwhile", {},
                           "Send the request again.");
        const auto row = writer->write_owned(change, user_);
        if (!row) return false;
        SyncMutation mutation{.kind = change.kind, .resource = change.table, .id = row->id, .data = row->data};
        if (change.kind == RowChange::Kind::remove) mutation.data = row->id.empty() ? row->identity : "{}";
        // An update that changes nothing keeps the row's version, and is a mutation all the same.
        if (head() == before) stamp_unchanged();
        mutation.timestamp = row->version > before ? row->version : head();
        result_.mutations.push_back(std::move(mutation));
        return true;
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
