#include "engine/constraints.h"

#include "pg/identity.h"
#include "pg/invalidation.h"

extern "C" {
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
}

namespace replicache::engine {
namespace {

// What pg_constraint says about deferrable constraints, as of the last change of it.
struct Deferrable {
    bool any = false;                 // some constraint is deferrable
    bool any_deferred = false;        // some is initially deferred
    bool all_deferred = true;         // all deferrable ones are
    // Schema and name of the initially deferred ones. SET CONSTRAINTS knows no tables: a name that is not unique in its schema
    // stands for all its constraints, and cannot be deferred at all when one of them is not deferrable.
    std::vector<std::pair<std::string, std::string>> deferred;
};
Deferrable deferrable;
bool deferrable_valid = false;

const pg::CatalogListener constraint_listener(CONSTROID, []() noexcept { deferrable_valid = false; });

const Deferrable& look_up() {
    if (deferrable_valid) return deferrable;
    deferrable_valid = true;
    deferrable = {};
    static pg::Statement query(
        "SELECT n.nspname::pg_catalog.text, c.conname::pg_catalog.text, pg_catalog.bool_or(c.condeferred), "
        "pg_catalog.bool_and(c.condeferrable), pg_catalog.bool_or(c.condeferrable AND NOT c.condeferred) "
        "FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace "
        "GROUP BY 1, 2 HAVING pg_catalog.bool_or(c.condeferrable)",
        {});
    const pg::SpiConnection spi;
    const pg::Rows rows = query.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const auto flag = [&](int column) { return DatumGetBool(rows.get(i, column).datum); };
        const bool deferred = flag(3), nameable = flag(4), immediate = flag(5);
        deferrable.any = true;
        deferrable.any_deferred |= deferred;
        deferrable.all_deferred &= !immediate;
        if (deferred && nameable) deferrable.deferred.emplace_back(*rows.text(i, 1), *rows.text(i, 2));
    }
    return deferrable;
}

void make_all_immediate() {
    pg::guarded([] { AfterTriggerSetState(makeNode(ConstraintsSetStmt)); });
}

}  // namespace

void check_deferred_constraints() {
    const Deferrable& found = look_up();
    if (!found.any) return;
    make_all_immediate();
    if (!found.any_deferred || (!found.all_deferred && found.deferred.empty())) return;
    pg::defer_constraints(found.all_deferred ? decltype(found.deferred){} : found.deferred);
}

}  // namespace replicache::engine
