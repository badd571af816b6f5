// Whether statements and expressions read tables. The functions that they call count, and so do the CHECKs of domains.
//
// Functions in SQL are analyzed. Functions in other languages are not, so they could read any table. In doubt, an answer says so.
//
// All functions but code_epoch() raise PostgreSQL errors: call them guarded.
#pragma once

#include "prelude.h"

namespace replicache::engine {

struct TablesRead {
    int occurrences = 0;          // of the relation in question, besides what is called
    bool others = false;          // other tables are named
    const char* cause = nullptr;  // what could read any table, such as "calls f()"; null: nothing could
};

// What a rewritten query reads for the role and the search_path that are in effect now. A call of current_mutation_id counts as a cause,
// too, since it tells one change from another.
TablesRead tables_read(Query* query, Oid relation);

// What in the expression could read a table, under any settings. Null: nothing could.
const char* cause_in_expression(Node* expression);

// The same for reading a value of this type: the domains in it have no CHECK that could read a table.
bool reads_no_table(Oid type);

// Answers hold as long as this number is the same, and those about queries as long as the role and the search_path are. It changes when
// what a name stands for may have changed: a function, an operator, a cast, a type or a constraint.
std::uint64_t code_epoch() noexcept;

}  // namespace replicache::engine
