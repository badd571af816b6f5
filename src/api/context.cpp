// The functions replicache.current_…(), for mutators, policies and value expressions.
#include "engine/session/context.h"
#include "pg/datum.h"

namespace replicache::api {
namespace {

using engine::Context;
using engine::Unanswered;

Datum null(FunctionCallInfo fcinfo) { PG_RETURN_NULL(); }

// `question`: what is noted where NULL is no answer. Null: nothing, because NULL is one.
template <class Member>
Datum member(FunctionCallInfo fcinfo, Member Context::*which, bool Unanswered::*question = nullptr) {
    return pg::entry([fcinfo, which, question] {
        const Context* context = engine::current_context();
        if (context != nullptr && context->*which) return pg::value(*(context->*which)).datum;
        if (context != nullptr && context->unanswered != nullptr && question != nullptr) context->unanswered->*question = true;
        return null(fcinfo);
    });
}

}  // namespace
}  // namespace replicache::api

using replicache::api::member;
using replicache::engine::Context;
using replicache::engine::Unanswered;

extern "C" {

PG_FUNCTION_INFO_V1(replicache_current_user_id);
Datum replicache_current_user_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::user_id, &Unanswered::user); }

PG_FUNCTION_INFO_V1(replicache_current_space);
Datum replicache_current_space(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::space); }

PG_FUNCTION_INFO_V1(replicache_current_client_group_id);
Datum replicache_current_client_group_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::client_group_id, &Unanswered::client); }

PG_FUNCTION_INFO_V1(replicache_current_client_id);
Datum replicache_current_client_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::client_id, &Unanswered::client); }

PG_FUNCTION_INFO_V1(replicache_current_mutation_id);
Datum replicache_current_mutation_id(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::mutation_id); }

PG_FUNCTION_INFO_V1(replicache_current_version);
Datum replicache_current_version(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::version); }

PG_FUNCTION_INFO_V1(replicache_current_schema_version);
Datum replicache_current_schema_version(PG_FUNCTION_ARGS) { return member(fcinfo, &Context::schema_version); }

}  // extern "C"
