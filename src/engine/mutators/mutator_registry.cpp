#include "engine/mutators/mutator_registry.h"

#include "engine/mutators/function_mutator.h"
#include "engine/mutators/row_mutator.h"
#include "pg/identity.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using pg::SpiConnection;
using pg::SqlError;
using pg::value;

// Null: not registered, but of an exposed table, whose writer has a cache of its own.
std::unordered_map<std::string, std::shared_ptr<Mutator>> mutators;
Oid registry = InvalidOid;
pg::Validity validity;

const pg::RelationListener registry_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || relation == registry) validity.end();
});
const pg::CatalogListener function_listener(PROCOID, []() noexcept { validity.end(); });

// Null: none is registered under that name.
std::shared_ptr<Mutator> registered_mutator(const std::string& name) {
    static pg::OwnStatement query("SELECT function FROM replicache.mutator WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    std::string signature;
    {
        const SpiConnection spi;
        const pg::Rows rows = query.run({value(name)}, pg::Snapshot::latest);
        if (rows.empty()) return nullptr;
        signature = pg::required(rows.text(0, 1));
    }
    const Oid function = pg::find_function(signature);
    if (function == InvalidOid)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function " + signature + " of mutator \"" + name + "\" does not exist", {},
                       "Create it, or register another function under that name.", pg::Defect::certain);
    return std::make_shared<FunctionMutator>(function);
}

std::string hint_at_registering(const std::string& name) {
    for (const std::string_view operation : {".insert", ".upsert", ".update", ".delete"})
        if (name.size() > operation.size() && name.ends_with(operation))
            return "Register it by replicache.register_mutator, or expose a table as \"" + name.substr(0, name.size() - operation.size()) +
                   "\" by replicache.expose_crud.";
    return "Register it by replicache.register_mutator.";
}

}  // namespace

std::shared_ptr<Mutator> find_mutator(const std::string& name) {
    if (!validity) {
        mutators.clear();
        registry = pg::own_relation("mutator");
        validity.begin();
    }
    const auto known = mutators.find(name);
    auto mutator = known != mutators.end() ? known->second : registered_mutator(name);
    const bool registered = mutator != nullptr;
    if (!registered) mutator = find_row_mutator(name);
    if (!mutator)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "unknown mutator \"" + name + "\"", {}, hint_at_registering(name), pg::Defect::possible);
    // Unknown names are not kept, because clients could send any number of them.
    if (known == mutators.end()) mutators[name] = registered ? mutator : nullptr;
    return mutator;
}

void register_mutator(const std::string& name, Oid function) {
    if (name.empty()) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "the name of a mutator must not be empty");
    const CalledFunction called(Use::mutator, function);
    called.check_owner();
    static pg::OwnStatement store(
        "INSERT INTO replicache.mutator (name, function) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET function = excluded.function",
        {TEXTOID, TEXTOID});
    const SpiConnection spi;
    store.run({value(name), value(called.signature())});
    pg::tell_of_change("mutator");
}

void unregister_mutator(const std::string& name) {
    static pg::OwnStatement remove("DELETE FROM replicache.mutator WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const SpiConnection spi;
    if (remove.run({value(name)}).count() == 0) throw SqlError(ERRCODE_UNDEFINED_OBJECT, "mutator \"" + name + "\" is not registered");
    pg::tell_of_change("mutator");
}

}  // namespace replicache::engine
