// The functions replicache.current_…(), for mutators, policies and value expressions.
#include "engine/session/context.h"
#include "pg/datum.h"

namespace replicache::api {
namespace {

using engine::Context;

Datum null(FunctionCallInfo fcinfo) { PG_RETURN_NULL(); }

template <class Member>
Datum member(FunctionCallInfo fcinfo, Member Context::*which) {
    return pg::entry([fcinfo, which] {
        const Context* context = engine::current_context();
        if (context == nullptr || !(context->*which)) return null(fcinfo);
        return pg::value(*(context->*which)).datum;
    });
}

}  // namespace
}  // namespace replicache::api

using replicache::api::member;
using replicache::engine::Context;

extern "C" {

PG_FUNCTION_INFO_V1(replicache_current_user_id);
Datum replicache_current_user_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::user_id); }

PG_FUNCTION_INFO_V1(replicache_current_space);
Datum replicache_current_space(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::space); }

PG_FUNCTION_INFO_V1(replicache_current_client_group_id);
Datum replicache_current_client_group_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::client_group_id); }

PG_FUNCTION_INFO_V1(replicache_current_client_id);
Datum replicache_current_client_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::client_id); }

PG_FUNCTION_INFO_V1(replicache_current_mutation_id);
Datum replicache_current_mutation_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::mutation_id); }

PG_FUNCTION_INFO_V1(replicache_current_version);
Datum replicache_current_version(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::version); }

PG_FUNCTION_INFO_V1(replicache_current_schema_version);
Datum replicache_current_schema_version(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::schema_version); }

}  // extern "C"
