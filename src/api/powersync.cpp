// powersync_upload: PowerSync's uploads in, answers out.
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
            throw pg::SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "client_id must not be empty",
                               "All who pass it would be one client, and changes of some be taken for those of others.",
                               "Pass NULL when the request names the client, or nobody does.");
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
