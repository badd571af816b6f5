// The member names of a JSON object, by PostgreSQL's own lexer: for what JsonReader cannot decode.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// The top-level member names of a JSON object, in order.
struct MemberNames {
    bool is_object;
    List* names;  // of char*
};

// Throws what the lexer finds wrong with any string of the text.
MemberNames member_names(std::string_view json);

}  // namespace replicache::pg
