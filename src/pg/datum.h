// Text and int8 datums from and to C++ values.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// A datum that may be NULL.
struct Value {
    Datum datum = 0;
    bool null = true;
};

inline Value value(Datum datum) { return {datum, false}; }
inline Value value(std::int64_t number) { return {Int64GetDatum(number), false}; }

// Allocates in the current memory context. For code that already runs guarded.
inline Datum unguarded_text_datum(std::string_view text) {
    if (text.size() > MaxAllocSize - VARHDRSZ)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a text of %zu bytes is larger than 1 GB", text.size())));
    // An empty view may hold a null pointer, which memcpy must not get.
    return PointerGetDatum(cstring_to_text_with_len(text.empty() ? "" : text.data(), static_cast<int>(text.size())));
}
inline Datum text_datum(std::string_view text) {
    return guarded([text] { return unguarded_text_datum(text); });
}
inline Value value(std::string_view text) { return value(text_datum(text)); }
inline Value value(const std::string& text) { return value(text_datum(text)); }
inline Value value(const std::optional<std::string>& text) { return text ? value(text_datum(*text)) : Value{}; }

// The bytes of a text (or json) datum. They are detoasted into the current memory context if necessary.
inline std::string_view view_of_text(Datum datum) {
    return guarded([datum] {
        const text* t = DatumGetTextPP(datum);
        return std::string_view(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
    });
}

// Argument n of a function, as text; nullopt when NULL.
inline std::optional<std::string_view> text_argument(FunctionCallInfo fcinfo, int n) {
    if (PG_ARGISNULL(n)) return std::nullopt;
    return view_of_text(PG_GETARG_DATUM(n));
}

}  // namespace replicache::pg
