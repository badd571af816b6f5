// What src/pg/json/json_reader.cpp wants of PostgreSQL where it leaves the work to it. No target gets there; it only has to link.
#include <cstdlib>

#define NO_SERVER(function) \
    void function() { std::abort(); }

extern "C" {
NO_SERVER(AllocSetContextCreateInternal)
NO_SERVER(DirectFunctionCall1Coll)
NO_SERVER(DirectFunctionCall3Coll)
NO_SERVER(JsonbExtractScalar)
NO_SERVER(JsonbValueToJsonb)
NO_SERVER(int64_to_numeric)
NO_SERVER(MemoryContextDelete)
NO_SERVER(jsonb_in)
NO_SERVER(numeric_in)
NO_SERVER(palloc)
NO_SERVER(pg_detoast_datum)
NO_SERVER(pnstrdup)
NO_SERVER(pushJsonbValue)
void* CurrentMemoryContext;
void* CurrentResourceOwner;
void* PG_exception_stack;
void* error_context_stack;
}
