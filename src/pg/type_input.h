// Values of any type from JSON as clients of several kinds write it; docs/types.md shows what each type takes.
// Everything here raises PostgreSQL errors and holds nothing that has a destructor: call it guarded.
#pragma once

#include "pg/json_reader.h"

namespace replicache::pg {

// How values of one type are read.
struct TypeInput {
    enum class Kind { boolean, integer, text, json, bytea, datetime, range, array, composite, other };

    Kind kind;
    Oid type;
    Oid base;  // what a domain is over; else the type itself
    int32 typmod;
    FmgrInfo input;  // of the base type
    Oid input_parameter;
    MemoryContext context;  // for all that is kept
    void* constraints;      // of a domain, kept by domain_check
    TypeInput* element;     // of an array
    // Of a composite type, as of the version of it that the identifier names.
    std::uint64_t row_identifier;
    TypeInput** members;
};

TypeInput* make_type_input(Oid type, int32 typmod, MemoryContext context);

// Reads one value of JSON, which PostgreSQL has validated. The datum is allocated in the current memory context.
Datum read_value(TypeInput* type, std::string_view json, bool* null);

// The text by the input function of the (base) type.
Datum input_text(TypeInput* type, std::string_view text);

// The containers, from a JSON array or object.
Datum read_array(TypeInput* type, std::string_view json);
Datum read_composite(TypeInput* type, std::string_view json);

}  // namespace replicache::pg
