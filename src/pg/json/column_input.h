// Reads the JSON of clients into values of a table's column. docs/types.md says what each type accepts.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

struct TypeInput;

// Guards itself, so call it unguarded. What it throws, a PgError, names the column and shows the value. As after any error of
// PostgreSQL, the subtransaction must be rolled back.
class ColumnInput {
public:
    // Looks up how values of this type are read. What it keeps lives in `context`. It stays right while the column has this
    // type and typmod: what ALTER DOMAIN, ALTER TYPE … ADD VALUE or ADD ATTRIBUTE change, the next read knows.
    void prepare(std::string_view column, Oid type, int32 typmod, MemoryContext context);

    // The datum for a JSON value, which PostgreSQL has validated; allocated in the current memory context. JSON null is NULL.
    Datum read(std::string_view json, bool* null) const;

private:
    std::string column_;
    TypeInput* type_ = nullptr;
};

}  // namespace replicache::pg
