// replicache.push_time: a push that takes longer stops before its next mutation, and what it has done stands. Otherwise one that cannot be
// done within statement_timeout would be sent again for ever.
#pragma once

#include "model/batch.h"
#include "pg/border.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {

class PushTime {
public:
    // The time begins.
    PushTime();

    bool is_up() const { return has_come(end_); }
    void lift() { end_ = 0; }

    // When a run that begins now must end. If a mutation fails, the whole run is undone and done again within the same time. So a run may
    // take only a part of the time.
    TimestampTz end_of_run() const;
    static bool has_come(TimestampTz end) { return end != 0 && GetCurrentTimestamp() >= end; }

    // Why the push stops.
    static Failure failure();

private:
    TimestampTz end_ = 0;  // 0: none
    TimestampTz part_ = 0;
};

}  // namespace replicache::engine
