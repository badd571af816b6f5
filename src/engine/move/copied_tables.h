// The rows of a space that go to another server.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// For each tracked table that can have rows in the space: its name, and SQL that copies these rows to the client and from it, and that
// deletes them. Tables that others refer to come first, so delete in the opposite order.
struct CopiedTables {
    std::vector<Oid> relations{};
    std::vector<std::string> names{};
    std::vector<std::string> copies_out{};
    std::vector<std::string> copies_in{};
    std::vector<std::string> removals{};
};

// Needs an open SPI connection.
CopiedTables copied_tables(const std::string& space);

// Columns of the registry that may differ on two servers although clients see the same.
std::vector<std::string> not_of_definition();

// Throws 55000 if one of the tables has rows of the space. They are read as the caller.
void check_no_rows(const std::string& space);

}  // namespace replicache::engine
