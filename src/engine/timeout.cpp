#include "engine/timeout.h"

#include "pg/settings.h"

#include <csignal>

extern "C" {
#include "storage/latch.h"
#include "utils/timeout.h"
}

namespace replicache::engine {
namespace {

volatile sig_atomic_t fired = false;

// Runs in the SIGALRM handler: what StatementCancelHandler in tcop/postgres.c does.
extern "C" void cancel_mutation() {
    fired = true;
    InterruptPending = true;
    QueryCancelPending = true;
    SetLatch(MyLatch);
}

TimeoutId timeout_id() {
    static const TimeoutId id = pg::guarded([] { return RegisterTimeout(USER_TIMEOUT, cancel_mutation); });
    return id;
}

}  // namespace

MutationTimeout::MutationTimeout() : milliseconds_(pg::settings.mutation_timeout), running_(milliseconds_ > 0) {
    fired = false;
    if (running_) pg::guarded([id = timeout_id(), ms = milliseconds_] { enable_timeout_after(id, ms); });
}

void MutationTimeout::stop() {
    if (!running_) return;
    running_ = false;
    disable_timeout(timeout_id(), false);
    if (fired) QueryCancelPending = false;
}

bool MutationTimeout::expired() const { return fired; }

pg::SqlError MutationTimeout::error(const std::string& mutator) const {
    return pg::SqlError(ERRCODE_QUERY_CANCELED,
                        "mutator \"" + mutator + "\" ran longer than " + std::to_string(milliseconds_) + " ms", {},
                        "The limit is replicache.mutation_timeout.");
}

}  // namespace replicache::engine
