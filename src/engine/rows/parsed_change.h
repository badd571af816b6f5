// A change of a row, with its JSON read into values of the table's columns.
#pragma once

#include "engine/rows/table_shape.h"
#include "pg/datum.h"

namespace replicache::engine {

struct ParsedChange {
    // One column of the change. The form says which values are set.
    struct Field {
        pg::Value value{};
        pg::Value old{};            // what the client had before
        std::string_view json{};    // in the object that was read last; empty: it has none for the column
        std::string_view client{};  // what that object calls the column
    };
    ChangeForm form;
    std::vector<Field> fields;  // one per column of the table
    std::size_t bytes;          // of its JSON
};

// Throws when the change does not fit the table. The values are in the current memory context.
ParsedChange parse_change(const TableShape& shape, const RowChange& change);

// The same for a row that belongs to a user, in a table that is a resource. Nullopt: the user cannot have the row of this change. The
// caller must roll back then, because PostgreSQL may have failed to read a value.
std::optional<ParsedChange> parse_owned_change(const TableShape& shape, const RowChange& change, std::string_view owner);

}  // namespace replicache::engine
