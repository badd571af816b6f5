#include "engine/constraints.h"

extern "C" {
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
}

namespace replicache::engine {
namespace {

// What pg_constraint says about deferrable constraints, as of the last change of it.
struct Deferrable {
    bool any = false;                 // some constraint is deferrable
    bool all_deferred = true;         // every deferrable one is initially deferred
    std::vector<std::pair<std::string, std::string>> deferred;  // schema and name of the initially deferred ones
};
Deferrable deferrable;
bool deferrable_valid = false;

extern "C" void at_constraint_change(Datum, int, uint32) { deferrable_valid = false; }

const Deferrable& look_up() {
    if (deferrable_valid) return deferrable;
    deferrable_valid = true;
    deferrable = {};
    static pg::Statement query(
        "SELECT n.nspname::pg_catalog.text, c.conname::pg_catalog.text, c.condeferred FROM pg_catalog.pg_constraint c "
        "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace WHERE c.condeferrable",
        {});
    const pg::SpiConnection spi;
    const pg::Rows rows = query.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        deferrable.any = true;
        if (DatumGetBool(rows.get(i, 3).datum))
            deferrable.deferred.emplace_back(*rows.text(i, 1), *rows.text(i, 2));
        else
            deferrable.all_deferred = false;
    }
    return deferrable;
}

void set_constraints(bool deferred, const std::vector<std::pair<std::string, std::string>>& names) {
    pg::guarded([&] {
        auto* statement = makeNode(ConstraintsSetStmt);
        statement->deferred = deferred;
        for (const auto& [schema, name] : names)
            statement->constraints = lappend(statement->constraints, makeRangeVar(const_cast<char*>(schema.c_str()), const_cast<char*>(name.c_str()), -1));
        AfterTriggerSetState(statement);
    });
}

}  // namespace

void check_deferred_constraints() {
    const Deferrable& found = look_up();
    if (!found.any) return;
    set_constraints(false, {});
    if (found.deferred.empty()) return;
    const pg::AsOwner owner;  // naming a constraint needs USAGE on its schema
    set_constraints(true, found.all_deferred ? decltype(found.deferred){} : found.deferred);
}

void register_constraint_callbacks() {
    pg::guarded([] { CacheRegisterSyscacheCallback(CONSTROID, at_constraint_change, 0); });
}

}  // namespace replicache::engine
