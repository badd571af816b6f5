// Text and int8 datums from and to C++ values.
#pragma once

#include "pg/border.h"

extern "C" {
#include "common/hashfn.h"
}

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

// A hash of the bytes of a value, on top of another. The value was just made, so it is neither compressed nor stored elsewhere.
inline std::uint64_t hash_of_bytes(const Value& value, bool by_value, std::int16_t length, std::uint64_t seed) {
    const auto hash = [seed](const void* data, std::size_t size) {
        return hash_bytes_extended(static_cast<const unsigned char*>(data), static_cast<int>(size), seed);
    };
    if (value.null) return seed + 1;
    if (by_value) return hash(&value.datum, sizeof value.datum);
    const char* const bytes = DatumGetPointer(value.datum);
    if (length > 0) return hash(bytes, length);
    return length == -1 ? hash(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)) : hash(bytes, std::strlen(bytes));
}

// Argument n of a function, as text; nullopt when NULL.
inline std::optional<std::string_view> text_argument(FunctionCallInfo fcinfo, int n) {
    if (PG_ARGISNULL(n)) return std::nullopt;
    return view_of_text(PG_GETARG_DATUM(n));
}

}  // namespace replicache::pg
