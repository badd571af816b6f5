// What a poke says.
#pragma once

#include "engine/poke/notes.h"
#include "pg/json/json_text.h"

namespace replicache::engine {

// Poke every space.
constexpr const char* for_everyone = R"({"space":null})";

// Appends {"space":…,"version":…}. Call it guarded.
inline void append_payload(StringInfo payload, const Note& note) {
    appendStringInfoString(payload, "{\"space\":");
    pg::append_json_string(payload, note.space);
    appendStringInfo(payload, ",\"version\":" INT64_FORMAT "}", note.version);
}

}  // namespace replicache::engine
