#include "engine/session/failure.h"

#include "pg/settings.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

constexpr int minute = 60 * 1000;         // milliseconds
constexpr std::size_t most_logged = 100;  // causes in it: clients choose names

// base/sqlstate.h knows no PostgreSQL.
static_assert(sqlstate::class_of(ERRCODE_ADMIN_SHUTDOWN) == ERRCODE_TO_CATEGORY(ERRCODE_ADMIN_SHUTDOWN));
static_assert(sqlstate::is_of_class(ERRCODE_INTERNAL_ERROR, "XX"));
static_assert(sqlstate::retry_later == MAKE_SQLSTATE('R', 'E', '0', '0', '1'));
static_assert(sqlstate::read_only_transaction == ERRCODE_READ_ONLY_SQL_TRANSACTION);
static_assert(sqlstate::insufficient_privilege == ERRCODE_INSUFFICIENT_PRIVILEGE);
static_assert(sqlstate::undefined_column == ERRCODE_UNDEFINED_COLUMN);
static_assert(sqlstate::generated_always == ERRCODE_GENERATED_ALWAYS);
static_assert(sqlstate::object_in_use == ERRCODE_OBJECT_IN_USE);
static_assert(sqlstate::lock_not_available == ERRCODE_LOCK_NOT_AVAILABLE);
static_assert(sqlstate::raise_exception == ERRCODE_RAISE_EXCEPTION);

}  // namespace

bool halts(pg::Defect defect) {
    switch (pg::settings.on_defect) {
        case pg::on_defect_auto: return defect == pg::Defect::certain;
        case pg::on_defect_halt: return defect != pg::Defect::none;
        default: return false;
    }
}

Scope scope_of(const pg::PgError& error) {
    const Scope scope = sqlstate::scope_of(error.sqlerrcode());
    return scope == Scope::mutation && halts(error.defect()) ? Scope::push : scope;
}

bool is_about_the_dropped(const pg::PgError& error) {
    const std::string_view message = error.data().message != nullptr ? error.data().message : "";
    return error.sqlerrcode() == ERRCODE_INTERNAL_ERROR &&
           (message.starts_with("cache lookup failed for ") || message.starts_with("could not open relation with OID "));
}

void refuse_dropped(const pg::PgError& error) {
    throw pg::SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access: something was dropped while it was being used",
                       std::string(error.data().message) + ".", "Run the transaction again.");
}

Failure failure_of(const pg::PgError& error) {
    const auto optional = [](const char* text) { return text ? std::optional<std::string>(text) : std::nullopt; };
    const ErrorData& data = error.data();
    return {.sqlstate = unpack_sql_state(data.sqlerrcode),
            .message = data.message ? data.message : "",
            .detail = optional(data.detail),
            .hint = optional(data.hint),
            .defect = halts(error.defect()),
            .context = halts(error.defect()) && data.context ? data.context : ""};
}

namespace {

// Whether the cause was not logged within a minute.
bool is_due(const std::string& cause) {
    static std::unordered_map<std::string, TimestampTz> logged;
    const TimestampTz now = GetCurrentTimestamp();
    std::erase_if(logged, [now](const auto& entry) { return TimestampDifferenceExceeds(entry.second, now, minute); });
    return logged.size() < most_logged && logged.try_emplace(cause, now).second;
}

}  // namespace

void log_broken_table(Oid table, const Failure& failure) {
    if (!is_due(failure.sqlstate + std::to_string(table))) return;
    pg::guarded([&] {
        ereport(LOG_SERVER_ONLY,
                (errcode(sqlstate::pack(failure.sqlstate)),
                 errmsg("table \"%s\" is left out of pulls: %s", get_rel_name(table), failure.message.c_str()),
                 failure.detail ? errdetail("%s", failure.detail->c_str()) : 0,
                 errhint("Pulls try again until it can be read.%s%s", failure.hint ? " " : "", failure.hint ? failure.hint->c_str() : "")));
    });
}

void log_defect(const std::string& mutation, const std::string& client_id, const Failure& failure) {
    if (!is_due(failure.sqlstate + mutation)) return;
    pg::guarded([&] {
        ereport(LOG_SERVER_ONLY, (errcode(sqlstate::pack(failure.sqlstate)),
                                  errmsg("mutation \"%s\" is halted by a defect: %s", mutation.c_str(), failure.message.c_str()),
                                  errdetail("SQLSTATE %s, client \"%s\".%s%s", failure.sqlstate.c_str(), client_id.c_str(),
                                            failure.detail ? " " : "", failure.detail ? failure.detail->c_str() : ""),
                                  errhint("The client sends it again until the defect is fixed.%s%s", failure.hint ? " " : "",
                                          failure.hint ? failure.hint->c_str() : ""),
                                  failure.context.empty() ? 0 : errcontext_msg("%s", failure.context.c_str())));
    });
}

}  // namespace replicache::engine
