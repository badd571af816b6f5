// Reads values of any type from JSON, as different clients write it. docs/types.md lists what each type accepts.
// Everything here raises PostgreSQL errors and holds nothing that has a destructor: call it guarded.
#pragma once

#include "pg/json/json_reader.h"

namespace replicache::pg {

// How values of one type are read.
struct TypeInput {
    enum class Kind { boolean, integer, text, json, bytea, datetime, range, array, composite, other };

    Kind kind;
    Oid type;
    Oid base;  // the base type of a domain, or else the type itself
    int32 typmod;
    FmgrInfo input;  // of the base type
    Oid input_parameter;
    MemoryContext context;  // for memory that is kept
    void* constraints;      // of a domain: the cache of domain_check
    TypeInput* element;     // of an array
    // The members of a composite type, for the version of the type with this identifier.
    std::uint64_t row_identifier;
    TypeInput** members;
};

TypeInput* make_type_input(Oid type, int32 typmod, MemoryContext context);

// Reads one value of JSON. PostgreSQL has validated the JSON. The datum is allocated in the current memory context.
Datum read_value(TypeInput* type, std::string_view json, bool* null);

// Reads the text by the input function of the base type.
Datum input_text(TypeInput* type, std::string_view text);

// Read an array or a composite value from a JSON array or object.
Datum read_array(TypeInput* type, std::string_view json);
Datum read_composite(TypeInput* type, std::string_view json);

}  // namespace replicache::pg
