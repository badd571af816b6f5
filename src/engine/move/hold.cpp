#include "engine/move/hold.h"

#include "engine/session/push_guard.h"
#include "engine/space/away.h"
#include "engine/space/taken_spaces.h"
#include "engine/table/canonical_space.h"
#include "pg/own_table.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::SqlError;

void check_may_move(const char* function) {
    pg::guarded([function] { PreventCommandIfReadOnly(psprintf("replicache.%s()", function)); });
    PushGuard::check(function);
}

// Locks the row of the space, which waits for those who write it, and returns the move for which it is held. Throws when it is not here.
std::optional<std::string> lock_space(const std::string& space) {
    pg::Table table("space", pg::Table::Access::write);
    if (!table.lock(space)) {
        check_is_here(space, As::committed);
        throw SqlError(ERRCODE_UNDEFINED_OBJECT, "space \"" + space + "\" does not exist");
    }
    return move_of(table);
}

// What this transaction has kept of the row is out of date.
void forget_row(const std::string& space) {
    if (const auto taken = taken_spaces().find(space); taken != taken_spaces().end()) taken->second.row = nullptr;
}

// Everything that is kept for the clients of the space, but its row.
void forget_contents(pg::Value space) {
    static OwnStatement clients(
        R"(
            DELETE FROM replicache.client c
            USING replicache.client_group g
            WHERE g.space OPERATOR(pg_catalog.=) $1
              AND c.client_group_id OPERATOR(pg_catalog.=) g.id)",
        {TEXTOID});
    static OwnStatement newest_views(
        R"(
            DELETE FROM replicache.client_view v
            USING replicache.client_group g
            WHERE g.space OPERATOR(pg_catalog.=) $1
              AND v.client_group_id OPERATOR(pg_catalog.=) g.id)",
        {TEXTOID});
    static OwnStatement groups("DELETE FROM replicache.client_group WHERE space OPERATOR(pg_catalog.=) $1", {TEXTOID});
    static OwnStatement views("DELETE FROM replicache.view_record WHERE space OPERATOR(pg_catalog.=) $1", {TEXTOID});
    static OwnStatement tombstones("DELETE FROM replicache.tombstone WHERE space OPERATOR(pg_catalog.=) $1", {TEXTOID});
    static OwnStatement creations("DELETE FROM replicache.creation WHERE space OPERATOR(pg_catalog.=) $1", {TEXTOID});
    static OwnStatement pagings("DELETE FROM replicache.paging WHERE space OPERATOR(pg_catalog.=) $1", {TEXTOID});
    static OwnStatement histories("DELETE FROM replicache.former_history WHERE space OPERATOR(pg_catalog.=) $1", {TEXTOID});
    static OwnStatement errors("DELETE FROM replicache.mutation_error WHERE space OPERATOR(pg_catalog.=) $1", {TEXTOID});
    for (OwnStatement* const statement : {&clients, &newest_views, &groups, &views, &tombstones, &creations, &pagings, &histories, &errors})
        statement->run({space});
}

}  // namespace

std::string hold_space(const std::string& id) {
    check_may_move("hold_space");
    const std::string space = canonical_space(id);
    if (space.empty())
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "the space \"\" cannot move", "All tables without a space column are in it.",
                       "Give the tables a space column.");
    if (auto move = lock_space(space)) return *move;
    static OwnStatement hold(
        R"(
            UPDATE replicache.space
            SET held = pg_catalog.substr(pg_catalog.md5(pg_catalog.gen_random_uuid()::pg_catalog.text), 1, 16)
            WHERE id OPERATOR(pg_catalog.=) $1
            RETURNING held)",
        {TEXTOID});
    const pg::SpiConnection spi;
    // Writers that are refused may go to another server. No crash may let them in here again.
    pg::guarded([] { ForceSyncCommit(); });
    std::string move = pg::required(hold.run({pg::value(std::string_view(space))}).text(0, 1));
    forget_row(space);
    return move;
}

void release_space(const std::string& id) {
    check_may_move("release_space");
    const std::string space = canonical_space(id);
    if (!lock_space(space)) return;
    static OwnStatement release("UPDATE replicache.space SET held = NULL WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const pg::SpiConnection spi;
    release.run({pg::value(std::string_view(space))});
    forget_row(space);
}

void close_space(const std::string& id, const std::string& move) {
    check_may_move("close_space");
    const std::string space = canonical_space(id);
    if (moved_by(space) == move) return;
    if (lock_space(space) != move)
        throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "space \"" + space + "\" is not held for this move", {},
                       "The move is what replicache.hold_space has returned.");
    if (const auto taken = taken_spaces().find(space); taken != taken_spaces().end() && taken->second.taken)
        throw SqlError(ERRCODE_ACTIVE_SQL_TRANSACTION, "close_space cannot follow changes of the space in one transaction", {},
                       "Call it in a transaction of its own.");
    static OwnStatement note("INSERT INTO replicache.moved_space (id, move) VALUES ($1, $2)", {TEXTOID, TEXTOID});
    static OwnStatement remove("DELETE FROM replicache.space WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const pg::Value name = pg::value(std::string_view(space));
    const pg::SpiConnection spi;
    pg::guarded([] { ForceSyncCommit(); });  // as for hold_space
    note.run({name, pg::value(std::string_view(move))});
    // First, so that a tracked mutation_error leaves no tombstones.
    remove.run({name});
    forget_contents(name);
}

}  // namespace replicache::engine
