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
    bool changes = false;  // to insert or update several rows at once, as far as `unique` allows
    bool removes = false;
    std::vector<AttrNumber> unique{};  // columns in which rows must differ, besides the primary key; 0: any column
    bool by_key = false;               // equal primary keys are equal bytes, which shows whether changes are of the same row

    bool keeps_rows_apart(AttrNumber column) const {
        return std::any_of(
            unique.begin(), unique.end(), [column](AttrNumber u) { return u == 0 || u == column; });
    }
};
SetWise set_wise(Relation relation);

// Whether reading a value of this type sees no table: its domains have no checks that could.
bool is_safe_input(Oid type);

// What a statement allows, with the defaults and row-level security policies that it has for the role that runs it. A statement that
// removes rows can change other tables, too. So it must not read any.
bool is_set_wise(const CachedPlanSource& statement, Oid relation, bool removes);

}  // namespace replicache::engine
