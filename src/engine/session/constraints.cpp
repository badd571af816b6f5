#include "engine/session/constraints.h"

#include "engine/session/failure.h"
#include "pg/identity.h"
#include "pg/invalidation.h"
#include "pg/settings_scope.h"
#include "pg/subtransaction.h"

extern "C" {
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
}

namespace replicache::engine {
namespace {

// The deferrable constraints, as pg_constraint has had them since its last change.
struct Deferrable {
    bool any = false;           // some constraint is deferrable
    bool any_deferred = false;  // some is initially deferred
    bool all_deferred = true;   // all deferrable ones are
    // Schema and name of the initially deferred ones. SET CONSTRAINTS knows no tables: a name that is not unique in its schema
    // stands for all its constraints, and cannot be deferred at all when one of them is not deferrable.
    std::vector<std::pair<std::string, std::string>> deferred;
};
Deferrable deferrable;
pg::Validity deferrable_validity;

const pg::CatalogListener constraint_listener(CONSTROID, []() noexcept { deferrable_validity.end(); });

// As of now, also in a transaction whose snapshot is older. Constraints of other sessions' temporary tables come and go, and never matter
// here.
Deferrable read_deferrable() {
    static pg::Statement query(
        R"(
            SELECT n.nspname::pg_catalog.text, c.conname::pg_catalog.text, pg_catalog.bool_or(c.condeferred),
                pg_catalog.bool_and(c.condeferrable), pg_catalog.bool_or(c.condeferrable AND NOT c.condeferred)
            FROM pg_catalog.pg_constraint c
            JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace
            WHERE NOT pg_catalog.pg_is_other_temp_schema(n.oid)
            GROUP BY 1, 2
            HAVING pg_catalog.bool_or(c.condeferrable))",
        {});
    const pg::SpiConnection spi;
    const pg::Rows rows = query.run({}, pg::Snapshot::latest);
    Deferrable found;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const auto flag = [&](int column) { return DatumGetBool(rows.get(i, column).datum); };
        const bool deferred = flag(3), nameable = flag(4), immediate = flag(5);
        found.any = true;
        found.any_deferred |= deferred;
        found.all_deferred &= !immediate;
        if (deferred && nameable) found.deferred.emplace_back(*rows.text(i, 1), *rows.text(i, 2));
    }
    return found;
}

const Deferrable& look_up() {
    if (!deferrable_validity) deferrable_validity.begin([] { deferrable = read_deferrable(); });
    return deferrable;
}

void make_all_immediate() {
    pg::guarded([] { AfterTriggerSetState(makeNode(ConstraintsSetStmt)); });
}

// Only PostgreSQL can tell whether a name has just been dropped, or stands for something else now. The subtransaction separates that error
// from the work of the mutation.
void defer_again() {
    constexpr int max_attempts = 10;
    std::optional<pg::PgError> error;
    for (int i = 0; i < max_attempts; ++i) {
        pg::guarded([] { AcceptInvalidationMessages(); });
        const Deferrable& found = look_up();
        if (!found.any_deferred || (!found.all_deferred && found.deferred.empty())) return;
        if (found.all_deferred) return pg::defer_constraints({});
        error = pg::attempt([&] { pg::defer_constraints(found.deferred); });
        if (!error) return;
        deferrable_validity.end();
    }
    if (sqlstate::scope_of(error->sqlerrcode()) != Scope::mutation) throw std::move(*error);
    throw pg::SqlError(
        ERRCODE_T_R_SERIALIZATION_FAILURE, "could not defer the deferrable constraints again", failure_of(*error).message + ".",
        "No mutation is to blame: roll back and try again. The owner of the extension needs USAGE on the schemas of constraints.");
}

}  // namespace

void check_deferred_constraints() {
    if (!look_up().any) return;
    pg::SettingsScope settings;  // triggers run
    make_all_immediate();
    settings.restore();
    defer_again();
}

}  // namespace replicache::engine
