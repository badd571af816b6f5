// Whether one statement may write several rows of a table, with the same outcome as one statement for each.
//
// It may not if writing one row can depend on how another was written. PostgreSQL checks some things at the end of a statement only. Code
// that runs within a statement sees the table as it was before, or half written. In doubt, rows are written one by one.
#pragma once

#include "pg/border.h"

extern "C" {
#include "utils/plancache.h"
}

namespace replicache::engine {

// The kinds of changes that the definition of a table allows to write together.
struct SetWise {
    std::string why_not{};  // says why neither of the next two is allowed
    bool changes = false;   // to insert or update several rows at once, as far as `unique` allows
    bool removes = false;
    bool triggers = false;             // the table has triggers of others. Which ones count depends on the statement
    std::vector<AttrNumber> unique{};  // columns in which rows must differ, besides the primary key; 0: any column
    bool by_key = false;               // equal primary keys are equal bytes, and stay: they show whether changes are of the same row

    bool keeps_rows_apart(AttrNumber column) const {
        return std::any_of(
            unique.begin(), unique.end(), [column](AttrNumber u) { return u == 0 || u == column; });
    }
};
SetWise set_wise(Relation relation);

// Whether reading a value of this type sees no table: its domains have no checks that could.
bool is_safe_input(Oid type);

// Why the statement may not write several rows, with the defaults and row-level security policies that it has for the role that runs it,
// and the triggers that it fires.
// Empty: it may. A statement that removes rows can change other tables, too. So it must not read any. Answers hold as long as code_epoch()
// is the same (reads_tables.h), and the plan.
std::string why_not_set_wise(const CachedPlanSource& statement, Oid relation, bool removes);
// The same for a query that was rewritten for the role.
std::string why_not_set_wise(Query* query, Oid relation, bool removes);

// Whether the rows that the statement writes can tell when it ran: whether before or after other statements for the same table. Numbers of
// sequences do, and our own tables, which every statement may change.
bool tells_order(const CachedPlanSource& statement);

}  // namespace replicache::engine
