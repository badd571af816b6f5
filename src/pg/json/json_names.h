// The member names of a JSON object, read by PostgreSQL's own lexer. For texts that JsonReader cannot decode.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// The top-level member names of a JSON object, in order.
struct MemberNames {
    bool is_object;
    List* names;  // of char*
};

// Throws the lexer's error when some string of the text is wrong.
MemberNames member_names(std::string_view json);

}  // namespace replicache::pg
