// powersync_upload: the uploads of PowerSync's clients, and their answers.
#include "protocol/powersync.h"
#include "api/arguments.h"
#include "api/request.h"
#include "engine/push/upload.h"
#include "engine/session/failure.h"

namespace replicache::api {
namespace {

Datum powersync_upload(FunctionCallInfo fcinfo) {
    const std::string_view text = required_text(fcinfo, 0, "request");
    const std::optional<std::string> user_id = optional_text(fcinfo, 1);
    Upload upload = parse_request(protocol::parse_upload, text);
    if (auto client_id = optional_text(fcinfo, 2)) {
        if (client_id->empty())
            throw pg::SqlError(
                ERRCODE_INVALID_PARAMETER_VALUE, "client_id must not be empty",
                "Everybody who passes it would count as the same client. Changes of one could be taken for changes of another.",
                "Pass NULL if the request names the client, or if the client has no name.");
        upload.client_id = std::move(client_id);
    }
    return pg::text_datum(protocol::upload_answer(upload, engine::upload(upload, user_id)));
}

}  // namespace
}  // namespace replicache::api

extern "C" {

PG_FUNCTION_INFO_V1(replicache_powersync_upload);
Datum replicache_powersync_upload(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::powersync_upload(fcinfo); }); });
}

}  // extern "C"
