#include "engine/queries/query_registry.h"

#include "base/zero_name.h"
#include "pg/identity.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using pg::SpiConnection;
using pg::SqlError;
using pg::value;

std::unordered_map<std::string, std::shared_ptr<const Query>> queries;
Oid registry = InvalidOid;
pg::Validity validity;

const pg::RelationListener registry_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || relation == registry) validity.end();
});
const pg::CatalogListener function_listener(PROCOID, []() noexcept { validity.end(); });

// Null: none is registered under that name.
std::shared_ptr<const Query> registered_query(const std::string& name) {
    static pg::OwnStatement query("SELECT ast, function FROM replicache.query WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    std::optional<std::string> ast, signature;
    {
        const SpiConnection spi;
        const pg::Rows rows = query.run({value(name)}, pg::Snapshot::latest);
        if (rows.empty()) return nullptr;
        ast = rows.text(0, 1);
        signature = rows.text(0, 2);
    }
    if (ast) return std::make_shared<Query>(Query{std::move(*ast), nullptr});
    const Oid function = pg::find_function(pg::required(signature));
    if (function == InvalidOid)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function " + *signature + " of query \"" + name + "\" does not exist", {},
                       "Create it, or register another function under that name.", pg::Defect::certain);
    return std::make_shared<Query>(Query{{}, std::make_shared<CalledFunction>(Use::query, function)});
}

void store(const std::string& name, pg::Value ast, pg::Value function) {
    static pg::OwnStatement statement(
        R"(
            INSERT INTO replicache.query (name, ast, function)
            VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET ast = excluded.ast, function = excluded.function)",
        {TEXTOID, JSONOID, TEXTOID});
    const SpiConnection spi;
    statement.run({value(zero_name(name)), ast, function});
    pg::tell_of_change("query");
}

}  // namespace

std::shared_ptr<const Query> find_query(const std::string& name) {
    if (!validity) {
        queries.clear();
        registry = pg::own_relation("query");
        validity.begin();
    }
    const std::string key = zero_name(name);
    if (const auto known = queries.find(key); known != queries.end()) return known->second;
    auto query = registered_query(key);
    // Unknown names are not kept, because clients could send any number of them.
    if (query) queries[key] = query;
    return query;
}

void register_query(const std::string& name, std::string_view ast) { store(name, value(ast), {}); }

void register_query(const std::string& name, Oid function) {
    const CalledFunction called(Use::query, function);
    called.check_owner();
    store(name, {}, value(called.signature()));
}

void unregister_query(const std::string& name) {
    static pg::OwnStatement remove("DELETE FROM replicache.query WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const SpiConnection spi;
    if (remove.run({value(zero_name(name))}).count() == 0)
        throw SqlError(ERRCODE_UNDEFINED_OBJECT, "query \"" + name + "\" is not registered");
    pg::tell_of_change("query");
}

}  // namespace replicache::engine
