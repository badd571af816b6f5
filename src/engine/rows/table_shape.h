// An exposed table, as far as it matters for writing its rows. A shape does not change. When the table is altered, a new shape is made.
#pragma once

#include "engine/rows/conflict_policy.h"
#include "engine/rows/resource.h"
#include "engine/rows/row_column.h"
#include "engine/rows/set_wise.h"
#include "engine/table/storage.h"
#include "pg/memory.h"

namespace replicache::engine {

struct TableShape {
    struct Key {
        std::size_t column;  // index
        std::string equals;  // operator, for SQL
        Oid is_equal;        // its function
        bool is_array;
        bool by_value;
        std::int16_t length;
    };

    // The table is locked.
    explicit TableShape(const ExposedTable& table);
    TableShape(const TableShape&) = delete;
    TableShape& operator=(const TableShape&) = delete;

    // The column of a name that clients use. Null: there is none. If several columns have the name, a column that clients may write comes
    // first.
    const RowColumn* find(std::string_view client) const;
    std::size_t index_of(const RowColumn& column) const { return &column - columns.data(); }

    const pg::ContextPtr context;  // of what the columns need to read values
    const ExposedTable table;
    const Storage storage;
    const ConflictPolicy& policy;
    const std::string name;  // for SQL
    const std::string rows;  // for SQL: the rows of this very table, as t
    std::string deleted{};   // quoted name of the column for soft deletion; empty: none
    std::vector<RowColumn> columns{};
    std::vector<Key> key{};
    bool may_have_deferrable_key = false;  // besides the primary key
    bool can_judge = true;                 // clients may write the conflict column, if there is one
    bool has_safe_input = true;            // reading a value sees no table
    SetWise set_wise{};
    std::optional<Resource> resource{};  // the table as a resource
    // The column that the id of a change is for, and of a change of a user's row. Null: none.
    const RowColumn* id = nullptr;
    const RowColumn* owned_id = nullptr;

private:
    void add_columns(Relation relation);
    void add_key(Relation relation);
    void add_operators();
    void mark_columns();
};

}  // namespace replicache::engine
