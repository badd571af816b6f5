// The text of a scalar that is the same in every session. Keys and spaces need it: they must not depend on DateStyle, TimeZone or
// bytea_output.
#pragma once

#include "pg/datum.h"

namespace replicache::pg {

class ScalarText {
public:
    // Nullopt: the type has no such text, because its output function depends on settings, or it is not a scalar.
    static std::optional<ScalarText> of(Oid type);

    // Whether the text never has other characters than letters, digits, `-`, `:`, `.`, `+` and blanks.
    bool is_plain() const { return kind_ != Kind::text && kind_ != Kind::output; }
    // The text of a value. It points into the value, or into the current memory context. Raises PostgreSQL errors: call it guarded.
    std::string_view operator()(Datum datum) const;

private:
    enum class Kind { text, int2, int4, int8, uuid, datetime, output };

    Kind kind_;
    Oid type_;
    mutable FmgrInfo output_;
};

}  // namespace replicache::pg
