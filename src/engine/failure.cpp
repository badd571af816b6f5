#include "engine/failure.h"

namespace replicache::engine {
namespace {

constexpr int retry_later = MAKE_SQLSTATE('R', 'E', '0', '0', '1');

}  // namespace

Scope scope_of(int sqlerrcode) {
    switch (sqlerrcode) {
        case retry_later:
        case ERRCODE_LOCK_NOT_AVAILABLE:
        case ERRCODE_OBJECT_IN_USE:
            return Scope::push;
        case ERRCODE_READ_ONLY_SQL_TRANSACTION:
            return Scope::caller;
        default:
            break;
    }
    switch (ERRCODE_TO_CATEGORY(sqlerrcode)) {
        case MAKE_SQLSTATE('0', '8', '0', '0', '0'):  // connection exception
        case MAKE_SQLSTATE('5', '3', '0', '0', '0'):  // insufficient resources
        case MAKE_SQLSTATE('5', '8', '0', '0', '0'):  // system error
            return Scope::push;
        case MAKE_SQLSTATE('4', '0', '0', '0', '0'):  // transaction rollback
        case MAKE_SQLSTATE('5', '7', '0', '0', '0'):  // operator intervention
        case MAKE_SQLSTATE('X', 'X', '0', '0', '0'):  // internal error
            return Scope::caller;
        default:
            return Scope::mutation;
    }
}

bool is_about_the_dropped(const pg::PgError& error) {
    const std::string_view message = error.data().message != nullptr ? error.data().message : "";
    return error.sqlerrcode() == ERRCODE_INTERNAL_ERROR && (message.starts_with("cache lookup failed for ") || message.starts_with("could not open relation with OID "));
}

void refuse_dropped(const pg::PgError& error) {
    throw pg::SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access: something was dropped while it was being used", std::string(error.data().message) + ".",
                       "Run the transaction again.");
}

Failure failure_of(const pg::PgError& error) {
    const auto optional = [](const char* text) { return text ? std::optional<std::string>(text) : std::nullopt; };
    const ErrorData& data = error.data();
    return {.sqlstate = unpack_sql_state(data.sqlerrcode),
            .message = data.message ? data.message : "",
            .detail = optional(data.detail),
            .hint = optional(data.hint)};
}

}  // namespace replicache::engine
