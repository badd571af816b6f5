// Writes JSON text directly into a buffer, without intermediate copies. Every byte is as to_json writes it (utils/adt/json.c).
// Everything here raises PostgreSQL errors and holds nothing that has a destructor: call it guarded.
#pragma once

#include "pg/datum.h"

namespace replicache::pg {

// Appends text as a JSON string, quotes included.
void append_json_string(StringInfo out, std::string_view text);

// The same as a string of its own, guarding itself.
std::string json_string(std::string_view text);

// Appends the values of one column, or of one expression.
class JsonWriter {
public:
    // Looks up how values of this type are written. Memory that it keeps comes from `context`.
    void prepare(Oid type, MemoryContext context);
    void append(StringInfo out, Datum datum, bool null);

private:
    // How to_json writes a type.
    enum class Kind { boolean, integer, number, uuid, datetime, json, text, quoted_output, to_json };

    Kind kind_;
    Oid type_;       // a domain's base type
    FmgrInfo call_;  // the output function, or to_json itself
};

}  // namespace replicache::pg
