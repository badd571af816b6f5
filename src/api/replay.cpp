// replay: applies a rejected mutation or upload again.
#include "engine/push/replay.h"
#include "api/arguments.h"
#include "api/request.h"
#include "protocol/powersync.h"

namespace replicache::api {
namespace {

Datum replay(FunctionCallInfo fcinfo) {
    require(fcinfo, 0, "error_id");
    const engine::RecordedError error = engine::take_error(PG_GETARG_INT64(0));
    if (error.is_upload()) {
        const std::string args = error.args.value_or("null");  // kept, because the changes are slices of it
        engine::replay_upload(error, parse_request(protocol::parse_upload, args));
    } else {
        engine::replay_mutation(error);
    }
    return pg::text_datum(error.json);
}

}  // namespace
}  // namespace replicache::api

extern "C" {

PG_FUNCTION_INFO_V1(replicache_replay);
Datum replicache_replay(PG_FUNCTION_ARGS) {
    return replicache::pg::entry([fcinfo] { return replicache::api::replay(fcinfo); });
}

}  // extern "C"
