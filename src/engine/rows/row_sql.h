// The SQL that writes rows: one text for each form of changes and each statement.
//
// Every statement reads the pending changes as the table "waiting" (pending_rows.h). Its column ~c… is the value of the column with that
// number, and ~o… is what the client had before. Updates of a user's rows have ~n, too, which counts the changes from 0.
#pragma once

#include "engine/rows/table_shape.h"

namespace replicache::engine {

enum class RowStatement : char {
    insert,
    insert_unless_there,
    update,   // of rows that are not deleted softly
    restore,  // an update, also of rows that are deleted softly
    find,
    find_live,  // rows that are not deleted softly
    show,       // the row as JSON
    remove,
    write_or_refuse,  // what the change does to a row that is there, as a MERGE
};
constexpr std::size_t row_statement_count = 9;

std::string row_sql(const TableShape& shape, const ChangeForm& form, RowStatement statement);

// What the statement does to an existing row. Nullopt: nothing.
std::optional<ConflictPolicy::Access> access_of(RowStatement statement);

// The name of a column of "waiting".
struct WaitingName {
    char text[16];
};
inline WaitingName waiting_name(char prefix, AttrNumber column) {
    WaitingName name;
    snprintf(name.text, sizeof name.text, "~%c%d", prefix, column);
    return name;
}
inline WaitingName waiting_value(AttrNumber column) { return waiting_name('c', column); }
inline WaitingName waiting_old(AttrNumber column) { return waiting_name('o', column); }
inline constexpr const char* waiting_number = "~n";

}  // namespace replicache::engine
