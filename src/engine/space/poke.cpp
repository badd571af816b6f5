#include "engine/space/poke.h"

#include "pg/json/json_text.h"
#include "pg/settings.h"

extern "C" {
#include "commands/async.h"
}

namespace replicache::engine {

void poke(const std::string& space, std::int64_t version) {
    const char* channel = pg::settings.poke_channel;
    if (channel == nullptr || *channel == '\0') return;
    if (!pg::settings.poke_names) {
        pg::guarded([channel] { Async_Notify(channel, R"({"space":null})"); });  // the same one again is not sent
        return;
    }
    pg::guarded([channel, version, id = std::string_view(space)] {
        StringInfoData payload;
        initStringInfo(&payload);
        appendStringInfoString(&payload, "{\"space\":");
        pg::append_json_string(&payload, id);
        appendStringInfo(&payload, ",\"version\":" INT64_FORMAT "}", version);
        Async_Notify(channel, payload.data);
        pfree(payload.data);
    });
}

}  // namespace replicache::engine
