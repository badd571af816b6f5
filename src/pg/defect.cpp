#include "pg/defect.h"

namespace replicache::pg {
namespace {

constexpr const char* possible = "replicache_ext, possible defect";
constexpr const char* certain = "replicache_ext, certain defect";

std::string_view view(const char* text) { return text == nullptr ? std::string_view() : text; }

// Whether PostgreSQL itself or plpgsql, which are written in C, raised the error, and not a RAISE. A RAISE is a decision of the function,
// with any code. Other languages do not tell the two apart.
bool is_of_postgres(const ErrorData& error) {
    const std::string_view domain = view(error.domain);
    return (domain.starts_with("postgres") || domain.starts_with("plpgsql")) && view(error.filename).ends_with(".c") &&
           view(error.funcname) != "exec_stmt_raise";
}

}  // namespace

const char* mark_of(Defect defect) noexcept {
    switch (defect) {
        case Defect::none: return nullptr;
        case Defect::possible: return possible;
        case Defect::certain: return certain;
    }
    return nullptr;
}

Defect defect_of(const ErrorData& error) noexcept {
    const std::string_view domain = view(error.domain);
    if (domain == possible) return Defect::possible;
    if (domain == certain) return Defect::certain;
    if (!is_of_postgres(error)) return Defect::none;
    const std::string_view file = view(error.filename), function = view(error.funcname);
    switch (error.sqlerrcode) {
        case ERRCODE_UNDEFINED_COLUMN:
        case ERRCODE_UNDEFINED_TABLE:
        case ERRCODE_UNDEFINED_FUNCTION:
        case ERRCODE_UNDEFINED_OBJECT:
        case ERRCODE_UNDEFINED_SCHEMA:
        case ERRCODE_AMBIGUOUS_COLUMN:    // a new column has the name of a variable, or of another table's column
        case ERRCODE_AMBIGUOUS_FUNCTION:  // there is one more of the name
        case ERRCODE_CANNOT_COERCE:
        case ERRCODE_INDETERMINATE_DATATYPE:
        case ERRCODE_COLLATION_MISMATCH:
        case ERRCODE_INDETERMINATE_COLLATION:
        case ERRCODE_WRONG_OBJECT_TYPE:            // a table has become a view
        case ERRCODE_INVALID_COLUMN_REFERENCE:     // ON CONFLICT has lost its index
        case ERRCODE_INVALID_FUNCTION_DEFINITION:  // an SQL function does not return what it has declared
        case ERRCODE_INVALID_OBJECT_DEFINITION:    // policies or rules that lead to themselves
            return Defect::certain;
        case ERRCODE_DATATYPE_MISMATCH:  // a column is of another type; but what is no int2vector or oidvector is in the data
            return file == "int.c" || file == "oid.c" ? Defect::none : Defect::certain;
        case ERRCODE_SYNTAX_ERROR:  // an INSERT without a list of columns; but that of a tsquery or jsonpath is in the data
            return file == "analyze.c" || file.starts_with("parse_") ? Defect::certain : Defect::none;
        case ERRCODE_FEATURE_NOT_SUPPORTED:  // a prepared statement of the session is older than its table
            return function == "RevalidateCachedQuery" ? Defect::certain : Defect::none;
        case ERRCODE_INSUFFICIENT_PRIVILEGE:  // rights; not row-level security, which is about data
            return function.starts_with("aclcheck_error") ? Defect::possible : Defect::none;
        case ERRCODE_GENERATED_ALWAYS: return Defect::possible;
        default: return Defect::none;
    }
}

}  // namespace replicache::pg
