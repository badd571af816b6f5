#include "engine/zero/zero_push.h"

#include <map>

#include "engine/push/rejection.h"
#include "engine/push/runner.h"
#include "engine/session/constraints.h"
#include "engine/session/context.h"
#include "engine/session/failure.h"
#include "engine/session/push_guard.h"
#include "engine/space/space.h"
#include "engine/zero/zero_tables.h"
#include "pg/subtransaction.h"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/utility.h"
}

#if PG_VERSION_NUM >= 170000
extern "C" {
#include "utils/wait_event.h"
}
#endif

namespace replicache::engine {
namespace {

using pg::PgError;
using End = ZeroOutcome::End;

constexpr int max_attempts = 3;
// Before another attempt. Without a pause, the push would take its locks again before the other side of a deadlock has got them. It must
// not be much longer: others wait for the locks of this push.
constexpr long pause_ms[max_attempts - 1] = {20, 80};

// How often a push looks for the row of a client that another push seems to have created.
constexpr int max_rounds = 10;

void pause(long milliseconds) {
    pg::guarded([milliseconds] {
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    });
}

// Whether another attempt in the same transaction may do better. With one snapshot for the whole transaction, what could not be serialized
// stays so.
bool may_pass(const PgError& error) {
    const int code = error.sqlerrcode();
    if (sqlstate::is_of_class(code, "40") || is_about_the_dropped(error)) return !IsolationUsesXactSnapshot();
    return sqlstate::scope_of(code) == Scope::push;
}

class Push {
public:
    Push(const ZeroPush& push, const ZeroPusher& pusher)
        : push_(push), batch_(push.batch), pusher_(pusher), tables_(pusher.schema, batch_.client_group_id) {}

    ZeroOutcome run() {
        outcome_.data.resize(batch_.mutations.size());
        name_clients();
        if (!clients_.empty())
            if (auto table = tables_.find_missing()) return without(std::move(*table));
        if (clients_.empty()) {
            decide();
        } else {
            Space& space = take_space("");
            std::vector<std::size_t> todo;
            for (int round = 0;; ++round) {
                lock_clients();
                todo = decide();
                if (create_clients()) break;
                if (round == max_rounds) tables_.refuse_clients();
            }
            run_mutations(todo, space);
            if (space.stamped) write_version(space);
        }
        remove_results();
        store();
        return std::move(outcome_);
    }

private:
    struct Client {
        std::int64_t first = 0, last = 0;              // ids of its mutations in the push, as far as they follow one another
        std::optional<std::int64_t> last_mutation_id;  // nullopt: it has no row
        std::int64_t planned = 0;                      // what it will be when all goes well
        std::int64_t processed = 0;                    // what it is in the end
        std::int64_t stored = 0;                       // what the row says now
    };

    // What comes before the first mutation that needs the table is done.
    ZeroOutcome without(std::string table) {
        outcome_.end = End::no_table;
        outcome_.table = std::move(table);
        while (is_cleanup(outcome_.reached)) ++outcome_.reached;
        return std::move(outcome_);
    }

    bool is_cleanup(std::size_t i) const {
        const auto at = std::lower_bound(push_.cleanups.begin(), push_.cleanups.end(), i,
                                         [](const ZeroCleanup& cleanup, std::size_t index) { return cleanup.mutation < index; });
        return at != push_.cleanups.end() && at->mutation == i;
    }

    // How many mutations come before the first that is not a custom one.
    std::size_t custom() const { return push_.crud.value_or(batch_.mutations.size()); }

    void name_clients() {
        for (std::size_t i = 0; i < custom(); ++i) {
            if (is_cleanup(i)) continue;
            const std::int64_t id = batch_.mutations[i].id;
            const auto [entry, is_new] = clients_.try_emplace(batch_.mutations[i].client_id);
            Client& client = entry->second;
            if (is_new) client.first = id;
            if (is_new || id == client.last + 1) client.last = id;
        }
    }

    // In the order of their ids, so that two pushes cannot wait for each other.
    void lock_clients() {
        for (auto& [id, client] : clients_) {
            if (!client.last_mutation_id) lock(std::string(id), client);
            client.planned = client.processed = client.last_mutation_id.value_or(0);
        }
    }

    // Most pushes go on where the client has stopped, and are processed as a whole. Then the row is written only here, by one statement. In
    // the end, store() puts right what is not so.
    void lock(const std::string& id, Client& client) {
        if (client.first > 1 && tables_.advance(id, client.first - 1, client.last)) {
            client.last_mutation_id = client.first - 1;
            client.stored = client.last;
        } else {
            client.last_mutation_id = tables_.lock(id);
            client.stored = client.last_mutation_id.value_or(0);
        }
    }

    // Decides what to do with each mutation before the first one runs. Returns the indexes of the mutations to run.
    std::vector<std::size_t> decide() {
        std::vector<std::size_t> todo;
        outcome_.replayed.clear();
        outcome_.end = push_.crud ? End::crud : End::done;
        outcome_.reached = custom();
        for (std::size_t i = 0; i < custom(); ++i) {
            if (is_cleanup(i)) continue;
            const Mutation& mutation = batch_.mutations[i];
            Client& client = clients_.at(mutation.client_id);
            const std::int64_t expected = client.planned + 1;
            if (mutation.id < expected) {
                outcome_.replayed.push_back({i, expected});
            } else if (mutation.id > expected) {
                outcome_.end = End::out_of_order;
                outcome_.expected = expected;
                outcome_.reached = i;
                break;
            } else {
                client.planned = mutation.id;
                todo.push_back(i);
            }
        }
        return todo;
    }

    // Gives new clients their rows, in the same order: other pushes of a client wait for its row. Returns false when another push has been
    // faster.
    bool create_clients() {
        bool first = true;
        for (auto& [id, client] : clients_)
            if (!client.last_mutation_id && client.planned > 0) first = tables_.create(std::string(id)) && first;
        return first;
    }

    void run_mutations(const std::vector<std::size_t>& todo, Space& space) {
        if (todo.empty()) return;
        // The caller may have deferred constraints. A violation of the caller must not be blamed on a mutation.
        check_deferred_constraints();
        Context context{.user_id = pusher_.user_id,
                        .space = space.id,
                        .client_group_id = batch_.client_group_id,
                        .version = version_of(space),
                        .schema_version = batch_.schema_version};
        const DeferVersion defer(space);
        const ContextScope scope(context);
        Runner runner(batch_, context, &outcome_.data);
        for (int attempt = 1; !run_once(runner, todo, attempt < max_attempts); ++attempt) pause(pause_ms[attempt - 1]);

        for (std::size_t i = 0; i < runner.processed(); ++i)
            clients_.at(batch_.mutations[todo[i]].client_id).processed = batch_.mutations[todo[i]].id;
        outcome_.rejected = std::move(runner.rejected());
        std::sort(outcome_.rejected.begin(), outcome_.rejected.end(),
                  [](const Rejection& a, const Rejection& b) { return a.mutation < b.mutation; });
        if (runner.halted()) {
            outcome_.end = End::halted;
            outcome_.reached = runner.halted()->mutation;
            outcome_.halted = std::move(runner.halted());
        }
    }

    // Returns false when another attempt is to be made: what has been done stands, and the runner goes on from there. An error that does
    // not pass is thrown, so that nothing is answered. But when the time of the push is over, the answer says so: what has been done must
    // stand, or the push would never get any further.
    bool run_once(Runner& runner, const std::vector<std::size_t>& todo, bool again) const {
        try {
            runner.run(todo);
        } catch (PgError& error) {
            if (again && may_pass(error)) return false;
            throw;
        }
        auto& halted = runner.halted();
        if (!halted || halted->failure.sqlstate == sqlstate::time_used_up_text) return true;
        const Failure& failure = halted->failure;
        const Mutation& mutation = batch_.mutations[halted->mutation];
        if (failure.defect) log_defect(mutation.name, mutation.client_id, failure);
        if (failure.defect || !again)
            throw pg::SqlError(sqlstate::pack(failure.sqlstate), failure.message, failure.detail.value_or(""), failure.hint.value_or(""));
        halted.reset();
        return false;
    }

    // Whether a cleanup that comes after the mutation removes its result. Cleanups run before results are stored.
    bool is_removed(const Rejection& rejection) const {
        const Mutation& mutation = batch_.mutations[rejection.mutation];
        return std::any_of(push_.cleanups.begin(), push_.cleanups.end(), [&](const ZeroCleanup& cleanup) {
            return cleanup.mutation > rejection.mutation && cleanup.mutation < outcome_.reached &&
                   cleanup.covers(mutation.client_id, mutation.id);
        });
    }

    static void warn(const PgError& error) {
        pg::guarded([&data = error.data()] {
            ereport(WARNING, (errcode(data.sqlerrcode), errmsg("results of mutations could not be removed: %s", data.message),
                              errhint("Clients have got them already, so they only take room.")));
        });
    }

    // Results that stay behind do no harm, so no push fails for them.
    void remove_results() {
        for (const ZeroCleanup& cleanup : push_.cleanups) {
            if (cleanup.mutation >= outcome_.reached) return;
            auto error = pg::attempt([&] { tables_.remove_results(cleanup); });
            if (error && scope_of(*error) == Scope::caller) throw std::move(*error);
            if (error) warn(*error);
        }
    }

    void store_results() {
        std::vector<ZeroResult> results;
        for (const Rejection& rejection : outcome_.rejected) {
            const Mutation& mutation = batch_.mutations[rejection.mutation];
            if (!is_removed(rejection)) results.push_back({mutation.client_id, mutation.id, pusher_.result_of(rejection.failure)});
        }
        tables_.add_results(results);
    }

    void store() {
        for (const auto& [id, client] : clients_)
            if (client.processed != client.stored) tables_.store(std::string(id), client.processed);
        store_results();
        store_rejections(batch_, outcome_.rejected, {.id = batch_.client_group_id, .user_id = pusher_.user_id, .space = ""});
    }

    const ZeroPush& push_;
    const Batch& batch_;
    const ZeroPusher& pusher_;
    ZeroTables tables_;
    std::map<std::string_view, Client> clients_;
    ZeroOutcome outcome_;
};

}  // namespace

ZeroOutcome zero_push(const ZeroPush& push, const ZeroPusher& pusher) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.zero_push()"); });
    const PushGuard guard("zero_push");
    const pg::SpiConnection spi;
    return Push(push, pusher).run();
}

}  // namespace replicache::engine
