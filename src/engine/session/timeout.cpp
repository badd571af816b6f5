#include "engine/session/timeout.h"

#include "pg/settings.h"

#include <csignal>

extern "C" {
#include "storage/latch.h"
#include "utils/timeout.h"
}

namespace replicache::engine {
namespace {

volatile sig_atomic_t fired = false;    // our time was over
volatile sig_atomic_t foreign = false;  // somebody else has cancelled

// Runs in the SIGALRM handler: what StatementCancelHandler in tcop/postgres.c does.
extern "C" void cancel_mutation() {
    fired = true;
    InterruptPending = true;
    QueryCancelPending = true;
    SetLatch(MyLatch);
}

struct sigaction postgres_handler;

// SIGINT comes from pg_cancel_backend, and from statement_timeout and lock_timeout in this process. To wait too long for a lock is no
// cancel.
extern "C" void at_cancel(int signal, siginfo_t* info, void* context) {
    if (!get_timeout_indicator(LOCK_TIMEOUT, false) || get_timeout_indicator(STATEMENT_TIMEOUT, false)) foreign = true;
    if ((postgres_handler.sa_flags & SA_SIGINFO) != 0)  // not up to 18
        postgres_handler.sa_sigaction(signal, info, context);
    else
        postgres_handler.sa_handler(signal);
}

void watch_cancels() {
    if (sigaction(SIGINT, nullptr, &postgres_handler) != 0 || postgres_handler.sa_handler == SIG_DFL ||
        postgres_handler.sa_handler == SIG_IGN)
        return;
    struct sigaction action = postgres_handler;
    action.sa_flags |= SA_SIGINFO;
    action.sa_sigaction = at_cancel;
    sigaction(SIGINT, &action, nullptr);
}

TimeoutId timeout_id() {
    static const TimeoutId id = [] {
        const TimeoutId registered = pg::guarded([] { return RegisterTimeout(USER_TIMEOUT, cancel_mutation); });
        watch_cancels();
        return registered;
    }();
    return id;
}

}  // namespace

MutationTimeout::MutationTimeout() : running_(pg::settings.mutation_timeout > 0) {
    if (!running_) return;
    const TimeoutId id = timeout_id();
    fired = false;
    foreign = false;
    if (QueryCancelPending) foreign = true;
    pg::guarded([id, ms = pg::settings.mutation_timeout] { enable_timeout_after(id, ms); });
}

bool MutationTimeout::end(bool canceled) {
    if (!std::exchange(running_, false)) return false;
    disable_timeout(timeout_id(), false);
    if (!fired) return false;
    QueryCancelPending = false;
    if (!foreign) return true;
    if (canceled) {
        get_timeout_indicator(STATEMENT_TIMEOUT, true);  // it is told
    } else {
        QueryCancelPending = true;
        InterruptPending = true;
    }
    return false;
}

pg::SqlError MutationTimeout::error(const std::string& mutator) {
    return pg::SqlError(ERRCODE_QUERY_CANCELED,
                        "mutator \"" + mutator + "\" ran longer than " + std::to_string(pg::settings.mutation_timeout) + " ms", {},
                        "Make the mutator faster, or raise replicache.mutation_timeout.");
}

}  // namespace replicache::engine
