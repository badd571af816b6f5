// Resources: exposed tables whose rows belong to users. They are tracked with a space column, which is neither generated nor a template,
// and every user is a space. Users see the same rows of their space: the table is not private, and has no parts.
#pragma once

#include "engine/table/exposed_table.h"
#include "engine/table/tracked_table.h"

namespace replicache::engine {

struct Resource {
    using Column = ExposedTable::Column;
    std::string name;
    Oid relation;
    std::vector<Column> key;  // of the primary key, but for the space column
    bool composite;           // then the key stands in the data, and there is no id
    Oid space_type;
    std::string key_template;  // of client-view entries
    // Columns, quoted for SQL.
    std::string version;
    std::string space;
    std::string deleted;  // empty: no soft deletion
    // Expressions over a row t, which give text: JSON.
    std::string id;        // NULL when the key is composite
    std::string identity;  // an object
    std::string data;
};

// Nullopt: the exposed table is no resource.
std::optional<Resource> resource_of(const ExposedTable& table);

}  // namespace replicache::engine
