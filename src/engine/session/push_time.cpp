#include "engine/session/push_time.h"

#include "base/sqlstate.h"
#include "pg/settings.h"

extern "C" {
#include "utils/timeout.h"
}

namespace replicache::engine {
namespace {

constexpr int parts = 8;

// When PostgreSQL will end the statement, if it will.
TimestampTz end_of_statement() {
    TimestampTz end = get_timeout_active(STATEMENT_TIMEOUT) ? get_timeout_finish_time(STATEMENT_TIMEOUT) : 0;
#if PG_VERSION_NUM >= 170000
    if (get_timeout_active(TRANSACTION_TIMEOUT)) {
        const TimestampTz transaction = get_timeout_finish_time(TRANSACTION_TIMEOUT);
        end = end == 0 ? transaction : std::min(end, transaction);
    }
#endif
    return end;
}

}  // namespace

PushTime::PushTime() {
    const int limit = pg::settings.push_time;
    if (limit == 0) return;
    const TimestampTz now = GetCurrentTimestamp();
    if (limit > 0)
        end_ = now + limit * INT64CONST(1000);
    else if (const TimestampTz end = end_of_statement(); end != 0)
        end_ = now + std::max<TimestampTz>(end - now, 0) / 2;
    part_ = (end_ - now) / parts;
}

TimestampTz PushTime::end_of_run() const { return end_ == 0 ? 0 : std::min(end_, GetCurrentTimestamp() + part_); }

Failure PushTime::failure() {
    return {.sqlstate = std::string(sqlstate::time_used_up_text),
            .message = "the push has used up its time",
            .detail = std::nullopt,
            .hint = "Send the rest again. The limit is replicache.push_time, by default half of statement_timeout."};
}

}  // namespace replicache::engine
