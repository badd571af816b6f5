// zero_queries, register_query and unregister_query: the query endpoint of Zero.
#include "protocol/zero_queries.h"
#include "api/arguments.h"
#include "api/request.h"
#include "base/json_cursor.h"
#include "base/text.h"
#include "engine/queries/query_call.h"
#include "engine/queries/query_registry.h"
#include "engine/session/context.h"
#include "engine/session/failure.h"
#include "pg/memory.h"
#include "pg/own_table.h"
#include "protocol/query_template.h"

namespace replicache::api {
namespace {

using pg::SqlError;
using protocol::ZeroQuery;

QueryResult fails(int sqlerrcode, std::string message) {
    return {.failure = engine::failure_of(pg::PgError::make(SqlError(sqlerrcode, std::move(message))))};
}

QueryResult fill(const ZeroQuery& query, const std::string& ast, const std::optional<std::string>& user_id) {
    try {
        QueryResult result{.ast = protocol::QueryTemplate(ast).fill(query.name, query.args, user_id)};
        // In a database of encoding SQL_ASCII, the template and the args may be any bytes.
        if (GetDatabaseEncoding() != PG_UTF8)
            pg::guarded([&text = result.ast] { pg_verify_mbstr(PG_UTF8, text.data(), static_cast<int>(text.size()), false); });
        return result;
    } catch (const protocol::UnfitArgs& error) {
        return fails(ERRCODE_INVALID_PARAMETER_VALUE, error.what());
    } catch (const protocol::MalformedTemplate& error) {
        throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                       "query \"" + query.name + "\" is not as it was registered: " + error.what(), {}, pg::not_to_be_altered);
    }
}

QueryResult call(const ZeroQuery& query, engine::CalledFunction& function) {
    QueryResult result = engine::call_query(function, query.args);
    if (!result.failure && !trim(std::string_view(result.ast), is_json_whitespace).starts_with('{'))
        return fails(ERRCODE_INVALID_PARAMETER_VALUE, "the function of query \"" + query.name + "\" has returned " +
                                                          (result.ast.empty() ? "NULL" : "other JSON") + " instead of an object");
    return result;
}

QueryResult answer(const ZeroQuery& query, const std::optional<std::string>& user_id) {
    std::shared_ptr<const engine::Query> found;
    try {
        found = engine::find_query(query.name);
    } catch (const SqlError& error) {
        if (error.sqlerrcode != ERRCODE_UNDEFINED_FUNCTION && error.sqlerrcode != ERRCODE_WRONG_OBJECT_TYPE) throw;
        return {.failure = engine::failure_of(pg::PgError::make(error))};
    }
    if (!found) return fails(ERRCODE_UNDEFINED_FUNCTION, "unknown query \"" + query.name + "\"");
    return found->function ? call(query, *found->function) : fill(query, found->ast, user_id);
}

std::string zero_queries(std::string_view request, const std::optional<std::string>& user_id) {
    std::vector<ZeroQuery> queries;
    try {
        queries = protocol::parse_zero_queries(request);
    } catch (const protocol::MalformedRequest& error) {
        return protocol::zero_queries_malformed(error);
    }
    const engine::Context context{.user_id = user_id};
    const engine::ContextScope scope(context);
    pg::ScratchContext scratch;
    std::vector<QueryResult> results;
    results.reserve(queries.size());
    for (const ZeroQuery& query : queries) {
        pg::check_interrupts();
        scratch.reset();
        results.push_back(answer(query, user_id));
    }
    return protocol::zero_queries_answer(queries, results, user_id);
}

void register_query(FunctionCallInfo fcinfo) {
    const std::string name(required_text(fcinfo, 0, "name"));
    if (name.empty()) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "the name of a query must not be empty");
    if (PG_ARGISNULL(1) == PG_ARGISNULL(2))
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "a query is either an AST or a function", {},
                       "Pass ast or function, and not both of them.");
    if (!PG_ARGISNULL(2)) return engine::register_query(name, PG_GETARG_OID(2));
    check_encoding();
    const std::string_view ast = *pg::text_argument(fcinfo, 1);
    try {
        const protocol::QueryTemplate check(ast);
    } catch (const protocol::MalformedTemplate& error) {
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, error.what(), {}, error.hint);
    }
    engine::register_query(name, ast);
}

}  // namespace
}  // namespace replicache::api

namespace api = replicache::api;
namespace pg = replicache::pg;

extern "C" {

PG_FUNCTION_INFO_V1(replicache_zero_queries);
Datum replicache_zero_queries(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        return replicache::engine::despite_drops([fcinfo] {
            api::check_encoding();
            const std::string_view request = api::required_text(fcinfo, 0, "request");
            return pg::text_datum(api::zero_queries(request, api::optional_text(fcinfo, 1)));
        });
    });
}

PG_FUNCTION_INFO_V1(replicache_register_query);
Datum replicache_register_query(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::register_query(fcinfo);
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_unregister_query);
Datum replicache_unregister_query(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        replicache::engine::unregister_query(std::string(api::required_text(fcinfo, 0, "name")));
        PG_RETURN_VOID();
    });
}

}  // extern "C"
