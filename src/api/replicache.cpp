// apply_push, pull, pull_for and pull_since: the requests and answers of Replicache.
#include "protocol/replicache.h"
#include "api/arguments.h"
#include "api/request.h"
#include "engine/pull/pull.h"
#include "engine/push/push.h"
#include "engine/session/failure.h"
#include "engine/space/space.h"
#include "engine/table/canonical_space.h"
#include "pg/array.h"
#include "pg/settings.h"
#include "protocol/cookie.h"

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

// A cookie without Cookie::confirmed, as several groups have it. `text` gets what the cookie's source is then.
void remove_confirmed(std::optional<Cookie>& cookie, std::string& text) {
    if (!cookie || cookie->confirmed.empty()) return;
    cookie->confirmed.clear();
    cookie->source = {};
    text = protocol::cookie_text(*cookie);
    cookie->source = text;
}

Datum pull_for(FunctionCallInfo fcinfo) {
    require(fcinfo, 0, "client_group_ids");
    const std::vector<std::string_view> client_group_ids = pg::text_views(PG_GETARG_DATUM(0));
    engine::PullRequest request;
    request.is_shared = true;
    request.client_group_ids = client_group_ids;
    request.base_cookie = "null";
    std::string cookie;
    if (const auto text = pg::text_argument(fcinfo, 1)) {
        request.cookie = parse_request(protocol::parse_single_cookie, *text);
        if (request.cookie) request.base_cookie = request.cookie->source;
        remove_confirmed(request.cookie, cookie);
    }
    request.space = required_space(fcinfo, 2);
    request.user_id = optional_text(fcinfo, 3);
    request.schema_version = optional_text(fcinfo, 4);
    if (request.schema_version)
        if (const auto refusal = refuse_schema(*request.schema_version)) return answer_datum(protocol::version_not_supported(*refusal));
    if (const auto answer = engine::pull(request)) return *answer;
    PG_RETURN_NULL();
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

PG_FUNCTION_INFO_V1(replicache_pull_for);
Datum replicache_pull_for(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::pull_for(fcinfo); }); });
}

PG_FUNCTION_INFO_V1(replicache_pull_since);
Datum replicache_pull_since(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::pull_since(fcinfo); }); });
}

}  // extern "C"
