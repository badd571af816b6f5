#include "engine/push/replay.h"

#include "engine/mutators/mutator_registry.h"
#include "engine/mutators/queued_call.h"
#include "engine/rows/row_changes.h"
#include "engine/session/constraints.h"
#include "engine/session/context.h"
#include "engine/session/push_guard.h"
#include "engine/session/timeout.h"
#include "engine/space/space.h"
#include "engine/table/canonical_space.h"
#include "engine/table/mutator_queue.h"
#include "pg/memory.h"
#include "pg/own_table.h"
#include "pg/settings_scope.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::PgError;
using pg::SqlError;
using pg::value;

void name_change(PgError& error, const RowChange& change) {
    const char* const detail = error.data().detail;
    const std::string which = "The change of \"" + change.table + "\" with id " + std::string(change.id) + " failed.";
    error.set_detail(detail == nullptr ? which : std::string(detail) + "\n" + which);
}

void apply(const RowChange& change) {
    bool timed_out = false;  // not needed: the error says it, too
    try {
        if (is_mutator_queue(change.table)) return call_mutator(change, timed_out);
        if (auto error = apply_one(change)) throw std::move(*error);
    } catch (PgError& error) {
        name_change(error, change);
        throw;
    } catch (const SqlError& error) {
        PgError named = PgError::make(error);
        name_change(named, change);
        throw std::move(named);
    }
}

}  // namespace

RecordedError take_error(std::int64_t id) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.replay()"); });
    static pg::OwnStatement take(
        R"(
            DELETE FROM replicache.mutation_error e
            WHERE error_id OPERATOR(pg_catalog.=) $1
            RETURNING
                space,
                user_id,
                client_group_id,
                client_id,
                mutation_id,
                name,
                args::pg_catalog.text,
                pg_catalog.row_to_json(e)::pg_catalog.text)",
        {INT8OID});
    const pg::SpiConnection spi;
    const pg::Rows rows = take.run({value(id)});
    if (rows.empty())
        throw SqlError(ERRCODE_UNDEFINED_OBJECT, "error " + std::to_string(id) + " does not exist in replicache.mutation_error",
                       "It may have been replayed already.", "Look up error_id in replicache.mutation_error.");
    return {.id = id,
            .space = pg::required(rows.text(0, 1)),
            .user_id = rows.text(0, 2),
            .client_group_id = pg::required(rows.text(0, 3)),
            .client_id = pg::required(rows.text(0, 4)),
            .mutation_id = rows.int8(0, 5),
            .name = pg::required(rows.text(0, 6)),
            .args = rows.text(0, 7),
            .json = pg::required(rows.text(0, 8))};
}

void replay_upload(const RecordedError& error, const Upload& upload) {
    const PushGuard guard("replay");
    const pg::SpiConnection spi;
    Context context{.user_id = error.user_id, .client_id = error.client_id.empty() ? std::nullopt : std::optional(error.client_id)};
    const ContextScope scope(context);
    pg::ScratchContext scratch;
    for (const ClientTransaction& transaction : upload.transactions)
        for (const RowChange& change : transaction.changes) {
            pg::check_interrupts();
            scratch.reset();
            if (change.number != 0) context.mutation_id = change.number;
            apply(change);
        }
    check_deferred_constraints();
}

void replay_mutation(const RecordedError& error) {
    const PushGuard guard("replay");
    Space& space = take_space(canonical_space(error.space));
    const Context context{.user_id = error.user_id,
                          .space = space.id,
                          .client_group_id = error.client_group_id,
                          .client_id = error.client_id,
                          .mutation_id = error.mutation_id,
                          .version = version_of(space)};
    const ContextScope scope(context);
    const auto mutator = find_mutator(error.name);
    mutator->check_privilege();
    pg::ScratchContext scratch;
    bool timed_out = false;
    auto failure = within_timeout(error.name, timed_out, [&] {
        pg::SettingsScope settings;
        auto raised = mutator->call(error.args.value_or(""));
        if (!raised) {
            check_deferred_constraints();
            settings.restore();
        }
        return raised;
    });
    if (failure) throw std::move(*failure);
    write_version(space);
}

}  // namespace replicache::engine
