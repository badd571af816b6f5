// Which tables a function in SQL writes, by its text or its stored body. Nothing is run, looked up by a search_path, or locked.
#pragma once

#include "prelude.h"

namespace replicache::engine {

struct WrittenTable {
    Oid relation;              // InvalidOid: it goes by name
    std::string schema, name;  // schema may be empty
    const char* right;         // INSERT, UPDATE or DELETE
};

// Empty for functions in other languages, and for texts that cannot be parsed.
std::vector<WrittenTable> written_tables(Oid function);

}  // namespace replicache::engine
