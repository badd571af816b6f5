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

MutationTimeout::MutationTimeout(bool& expired) : expired_(expired), running_(pg::settings.mutation_timeout > 0) {
    fired = false;
    expired = false;
    if (running_) pg::guarded([id = timeout_id(), ms = pg::settings.mutation_timeout] { enable_timeout_after(id, ms); });
}

MutationTimeout::~MutationTimeout() {
    if (!running_) return;
    disable_timeout(timeout_id(), false);
    expired_ = fired;
    if (fired) QueryCancelPending = false;
}

pg::SqlError MutationTimeout::error(const std::string& mutator) {
    return pg::SqlError(ERRCODE_QUERY_CANCELED,
                        "mutator \"" + mutator + "\" ran longer than " + std::to_string(pg::settings.mutation_timeout) + " ms", {},
                        "The limit is replicache.mutation_timeout.");
}

}  // namespace replicache::engine
