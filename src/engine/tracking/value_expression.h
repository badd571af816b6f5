// Checks the value expression of track_table.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

// Throws unless the value expression is a single expression that gives json or jsonb. Call it when the table has its version column.
void check_value(const TrackedTable& table);

// Throws unless the text, which is that of the named argument, is a single SQL expression. Such a text can be put between parentheses.
void check_is_expression(const char* argument, const std::string& text);

}  // namespace replicache::engine
