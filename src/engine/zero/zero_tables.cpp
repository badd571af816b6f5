#include "engine/zero/zero_tables.h"

#include "pg/array.h"
#include "pg/plan.h"

extern "C" {
#include "access/relation.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::value;

constexpr std::ptrdiff_t max_removed_clients = 1000;  // by one statement: PostgreSQL takes much memory for a long array
constexpr std::size_t max_schemas = 16;               // whose statements are kept: the schema is a text of the request

// {} is the quoted schema. A push has a few clients only, so each has a statement of its own.
constexpr const char* commands[] = {
    // lock
    R"(
        SELECT "lastMutationID"::pg_catalog.int8
        FROM {}.clients
        WHERE "clientGroupID" OPERATOR(pg_catalog.=) $1 AND "clientID" OPERATOR(pg_catalog.=) $2
        FOR NO KEY UPDATE)",
    // advance
    R"(
        UPDATE {}.clients
        SET "lastMutationID" = $4
        WHERE "clientGroupID" OPERATOR(pg_catalog.=) $1
          AND "clientID" OPERATOR(pg_catalog.=) $2
          AND "lastMutationID"::pg_catalog.int8 OPERATOR(pg_catalog.=) $3)",
    // create
    R"(
        INSERT INTO {}.clients ("clientGroupID", "clientID", "lastMutationID")
        VALUES ($1, $2, 0)
        ON CONFLICT DO NOTHING)",
    // store
    R"(
        UPDATE {}.clients
        SET "lastMutationID" = $3
        WHERE "clientGroupID" OPERATOR(pg_catalog.=) $1 AND "clientID" OPERATOR(pg_catalog.=) $2)",
    // add_results
    R"(
        INSERT INTO {}.mutations ("clientGroupID", "clientID", "mutationID", "result")
        SELECT $1, u.client_id, u.mutation_id, u.result::pg_catalog.json
        FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) AS u(client_id, mutation_id, result)
        ON CONFLICT DO NOTHING)",
    // remove_some
    R"(
        DELETE FROM {}.mutations
        WHERE "clientGroupID" OPERATOR(pg_catalog.=) $1
          AND "clientID" OPERATOR(pg_catalog.=) ANY ($2)
          AND "mutationID" OPERATOR(pg_catalog.<=) $3)",
    // remove_all
    R"(
        DELETE FROM {}.mutations
        WHERE "clientGroupID" OPERATOR(pg_catalog.=) $1 AND "clientID" OPERATOR(pg_catalog.=) ANY ($2))",
};

constexpr Oid parameters[std::size(commands)][4] = {
    {TEXTOID, TEXTOID},
    {TEXTOID, TEXTOID, INT8OID, INT8OID},
    {TEXTOID, TEXTOID},
    {TEXTOID, TEXTOID, INT8OID},
    {TEXTOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID},
    {TEXTOID, TEXTARRAYOID, INT8OID},
    {TEXTOID, TEXTARRAYOID},
};

using Plans = std::array<pg::Plan, std::size(commands)>;

// PostgreSQL analyses a plan anew when a table or the role has changed, so plans can be kept by the name of the schema.
pg::Plan& plan_of(const std::string& schema, std::size_t command) {
    static std::unordered_map<std::string, Plans> kept;
    auto known = kept.find(schema);
    if (known == kept.end()) {
        if (kept.size() == max_schemas) kept.clear();
        known = kept.try_emplace(schema).first;
    }
    pg::Plan& plan = known->second[command];
    if (!plan) {
        std::string sql = commands[command];
        sql.replace(sql.find("{}"), 2, pg::quote_identifier(schema));
        const auto* const end = std::find(std::begin(parameters[command]), std::end(parameters[command]), InvalidOid);
        plan = pg::Plan(sql, {std::begin(parameters[command]), end});
    }
    return plan;
}

}  // namespace

ZeroTables::ZeroTables(const std::string& schema, const std::string& client_group_id) : schema_(schema), group_(value(client_group_id)) {}

std::optional<std::string> ZeroTables::find_missing() {
    const char* const table = guarded([schema = schema_.c_str(), &plain = keeps_rows_]() -> const char* {
        const Oid oid = LookupExplicitNamespace(schema, true);
        const Oid clients = OidIsValid(oid) ? get_relname_relid("clients", oid) : InvalidOid;
        // The lock of an UPDATE: from now on, nobody can add a trigger.
        Relation const relation = OidIsValid(clients) ? try_relation_open(clients, RowExclusiveLock) : nullptr;
        if (relation == nullptr) return "clients";
        plain = relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relhassubclass && relation->trigdesc == nullptr &&
                relation->rd_rules == nullptr;
        relation_close(relation, NoLock);
        return OidIsValid(get_relname_relid("mutations", oid)) ? nullptr : "mutations";
    });
    return table == nullptr ? std::nullopt : std::optional(schema_ + "." + table);
}

pg::Rows ZeroTables::run(Command command, std::initializer_list<pg::Value> values) {
    return pg::run_plan(plan_of(schema_, static_cast<std::size_t>(command)).get(), values);
}

std::optional<std::int64_t> ZeroTables::lock(const std::string& client_id) {
    const pg::SpiConnection spi;  // which frees the row: there may be many clients
    const pg::Rows rows = run(Command::lock, {group_, value(client_id)});
    return rows.empty() ? std::nullopt : std::optional(rows.int8(0, 1));
}

bool ZeroTables::advance(const std::string& client_id, std::int64_t from, std::int64_t to) {
    if (!keeps_rows_) return false;
    const std::uint64_t count = run(Command::advance, {group_, value(client_id), value(from), value(to)}).count();
    if (count > 1) refuse_clients();
    return count == 1;
}

bool ZeroTables::create(const std::string& client_id) { return run(Command::create, {group_, value(client_id)}).count() > 0; }

void ZeroTables::store(const std::string& client_id, std::int64_t last_mutation_id) {
    if (run(Command::store, {group_, value(client_id), value(last_mutation_id)}).count() != 1) refuse_clients();
}

void ZeroTables::refuse_clients() const {
    throw pg::SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "table \"" + schema_ + ".clients\" does not keep the rows of clients",
                       "Without them, mutations would be applied twice.",
                       "Remove triggers, rules and policies that change what is written.");
}

void ZeroTables::add_results(std::span<const ZeroResult> results) {
    pg::in_parts(
        results,
        [this](std::span<const ZeroResult> part) {
            const pg::SpiConnection spi;  // which frees the arrays
            std::vector<pg::Value> clients, texts;
            std::vector<std::int64_t> ids;
            for (const auto& [client_id, mutation_id, result] : part) {
                clients.push_back(value(client_id));
                ids.push_back(mutation_id);
                texts.push_back(value(result));
            }
            run(Command::add_results, {group_, value(pg::text_array(clients)), value(pg::int8_array(ids)), value(pg::text_array(texts))});
        });
}

void ZeroTables::remove_results(const ZeroCleanup& cleanup) {
    for (auto first = cleanup.client_ids.begin(); first != cleanup.client_ids.end();) {
        const auto last = first + std::min(max_removed_clients, cleanup.client_ids.end() - first);
        const pg::SpiConnection spi;
        const pg::Value clients = value(pg::text_array(std::vector<std::string>{first, last}));
        if (cleanup.up_to_id)
            run(Command::remove_some, {group_, clients, value(*cleanup.up_to_id)});
        else
            run(Command::remove_all, {group_, clients});
        first = last;
    }
}

}  // namespace replicache::engine
