// zero_push: the answers of Zero's mutate endpoint.
#include "protocol/zero.h"
#include "api/arguments.h"
#include "api/request.h"
#include "engine/session/failure.h"
#include "engine/zero/zero_push.h"

namespace replicache::api {
namespace {

std::string answer_push(std::string_view text, const std::optional<std::string>& schema, const std::optional<std::string>& app_id,
                        const std::optional<std::string>& user_id) {
    try {
        std::optional<protocol::ZeroRefusal> refusal;
        const ZeroPush push = protocol::parse_zero_push(text, refusal);
        if (!schema) return protocol::zero_parameter_missing(push, "schema");
        if (!app_id) return protocol::zero_parameter_missing(push, "appID");
        if (refusal) return protocol::zero_refused(push, *refusal);
        return protocol::zero_answer(push, engine::zero_push(push, {*schema, user_id, protocol::zero_app_error}), user_id);
    } catch (const protocol::MalformedRequest& error) {
        return protocol::zero_malformed(error);
    }
}

Datum zero_push(FunctionCallInfo fcinfo) {
    const std::string_view text = required_text(fcinfo, 0, "request");
    check_encoding();
    return pg::text_datum(answer_push(text, optional_text(fcinfo, 1), optional_text(fcinfo, 2), optional_text(fcinfo, 3)));
}

}  // namespace
}  // namespace replicache::api

extern "C" {

PG_FUNCTION_INFO_V1(replicache_zero_push);
Datum replicache_zero_push(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::zero_push(fcinfo); }); });
}

}  // extern "C"
