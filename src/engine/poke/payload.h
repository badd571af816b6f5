// What a poke says.
#pragma once

#include "engine/poke/notes.h"
#include "pg/json/json_text.h"

namespace replicache::engine {

// Poke every space.
constexpr const char* for_everyone = R"({"space":null})";

// {"space":…,"version":…}, in the current memory context. Call it guarded.
inline char* payload_of(const Note& note) {
    StringInfoData payload;
    initStringInfo(&payload);
    appendStringInfoString(&payload, "{\"space\":");
    pg::append_json_string(&payload, note.space);
    appendStringInfo(&payload, ",\"version\":" INT64_FORMAT "}", note.version);
    return payload.data;
}

}  // namespace replicache::engine
