// apply_push, pull and pull_since: the requests and answers of Replicache.
#include "protocol/replicache.h"
#include "api/arguments.h"
#include "api/request.h"
#include "engine/pull/pull.h"
#include "engine/push/push.h"
#include "engine/session/failure.h"
#include "engine/space/space.h"
#include "engine/table/canonical_space.h"
#include "pg/settings.h"

namespace replicache::api {
namespace {

using pg::SqlError;
using protocol::VersionNotSupported;

std::string required_space(FunctionCallInfo fcinfo, int n) {
    const std::string_view space = required_text(fcinfo, n, "space");
    engine::check_space_id(space);
    return engine::canonical_space(space);
}

std::optional<VersionNotSupported> refuse_schema(const std::string& version) {
    if (protocol::schema_version_allowed(pg::settings.schema_versions, version)) return std::nullopt;
    return VersionNotSupported{"schema"};
}

Datum answer_datum(const std::string& answer) { return pg::text_datum(answer); }

Datum apply_push(FunctionCallInfo fcinfo) {
    const std::string_view text = required_text(fcinfo, 0, "push");
    const engine::Pusher pusher{optional_text(fcinfo, 1), required_space(fcinfo, 2)};
    const auto request = parse_request(protocol::parse_push, text);
    if (const auto* refusal = std::get_if<VersionNotSupported>(&request)) return answer_datum(protocol::version_not_supported(*refusal));
    const Batch& batch = std::get<protocol::Push>(request).batch;
    if (const auto refusal = refuse_schema(batch.schema_version)) return answer_datum(protocol::version_not_supported(*refusal));
    return answer_datum(protocol::push_answer(batch, engine::push(batch, pusher)));
}

Datum answer_pull(const engine::PullRequest& request) {
    if (const auto answer = engine::pull(request)) return *answer;
    return answer_datum(protocol::client_state_not_found());
}

Datum pull(FunctionCallInfo fcinfo) {
    const std::string_view text = required_text(fcinfo, 0, "request");
    engine::PullRequest request;
    request.user_id = optional_text(fcinfo, 1);
    request.space = required_space(fcinfo, 2);
    const auto parsed = parse_request(protocol::parse_pull, text);
    if (const auto* refusal = std::get_if<VersionNotSupported>(&parsed)) return answer_datum(protocol::version_not_supported(*refusal));
    const auto& pull = std::get<protocol::Pull>(parsed);
    if (const auto refusal = refuse_schema(pull.schema_version)) return answer_datum(protocol::version_not_supported(*refusal));
    request.cookie = pull.cookie;
    request.client_group_id = pull.client_group_id;
    if (pull.version == 0) request.client_id = pull.client_id;
    request.last_mutation_id = pull.last_mutation_id;
    request.schema_version = pull.schema_version;
    return answer_pull(request);
}

Datum pull_since(FunctionCallInfo fcinfo) {
    engine::PullRequest request;
    request.plain_cookies = request.any_user = true;
    if (!PG_ARGISNULL(0)) request.cookie = Cookie{.version = PG_GETARG_INT64(0)};
    if (request.cookie && request.cookie->version < 0)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "version must not be negative, got " + std::to_string(request.cookie->version));
    request.client_group_id = optional_text(fcinfo, 1);
    request.space = required_space(fcinfo, 2);
    return answer_pull(request);
}

}  // namespace
}  // namespace replicache::api

extern "C" {

PG_FUNCTION_INFO_V1(replicache_apply_push);
Datum replicache_apply_push(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::apply_push(fcinfo); }); });
}

PG_FUNCTION_INFO_V1(replicache_pull);
Datum replicache_pull(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::pull(fcinfo); }); });
}

PG_FUNCTION_INFO_V1(replicache_pull_since);
Datum replicache_pull_since(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::pull_since(fcinfo); }); });
}

}  // extern "C"
