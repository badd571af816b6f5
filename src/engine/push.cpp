#include "engine/push.h"

#include "engine/client.h"
#include "engine/constraints.h"
#include "engine/context.h"
#include "engine/mutator.h"
#include "engine/space.h"
#include "engine/timeout.h"
#include "pg/array.h"
#include "pg/memory.h"
#include "pg/subtransaction.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::PgError;
using pg::SqlError;
using pg::value;

// What becomes of a mutation whose mutator failed.
enum class Fate {
    rejected,   // for good: undone, but processed
    temporary,  // for now: undone, not processed, the push stops here
    raised,     // the whole transaction is broken or unwanted: the caller rolls back and tries again
};

constexpr int retry_later = MAKE_SQLSTATE('R', 'E', '0', '0', '1');

Fate fate_of(int sqlerrcode) {
    switch (sqlerrcode) {
        case retry_later:
        case ERRCODE_LOCK_NOT_AVAILABLE:
        case ERRCODE_OBJECT_IN_USE:
            return Fate::temporary;
        case ERRCODE_READ_ONLY_SQL_TRANSACTION:
            return Fate::raised;
        default:
            break;
    }
    switch (ERRCODE_TO_CATEGORY(sqlerrcode)) {
        case MAKE_SQLSTATE('0', '8', '0', '0', '0'):  // connection exception
        case MAKE_SQLSTATE('5', '3', '0', '0', '0'):  // insufficient resources
        case MAKE_SQLSTATE('5', '8', '0', '0', '0'):  // system error
            return Fate::temporary;
        case MAKE_SQLSTATE('4', '0', '0', '0', '0'):  // transaction rollback
        case MAKE_SQLSTATE('5', '7', '0', '0', '0'):  // operator intervention
        case MAKE_SQLSTATE('X', 'X', '0', '0', '0'):  // internal error
            return Fate::raised;
        default:
            return Fate::rejected;
    }
}

Failure failure_of(const PgError& error) {
    const auto optional = [](const char* text) { return text ? std::optional<std::string>(text) : std::nullopt; };
    const ErrorData& data = error.data();
    return {.sqlstate = unpack_sql_state(data.sqlerrcode),
            .message = data.message ? data.message : "",
            .detail = optional(data.detail),
            .hint = optional(data.hint)};
}

// While a push is at work, the triggers leave the space's row to it: the row is written once, at the top level, and only
// when the push has changed something.
class DeferVersion {
public:
    explicit DeferVersion(Space& space) : space_(space) { space_.deferred = true; }
    ~DeferVersion() { space_.deferred = false; }
    DeferVersion(const DeferVersion&) = delete;
    DeferVersion& operator=(const DeferVersion&) = delete;

private:
    Space& space_;
};

class Push {
public:
    Push(const Batch& batch, const Pusher& pusher)
        : batch_(batch), group_{batch.client_group_id, pusher.user_id, pusher.space}, space_(lock_space(pusher.space)) {
        context_.user_id = pusher.user_id;
        context_.space = pusher.space;
        context_.client_group_id = batch.client_group_id;
        context_.version = space_.version();
        context_.schema_version = batch.schema_version;
    }

    Outcome run() {
        // The order of locks is the same everywhere: space, client group, clients.
        const bool group_known = check_group(group_, true);
        std::vector<std::string> ids;
        for (const Mutation& mutation : batch_.mutations) ids.push_back(mutation.client_id);
        std::sort(ids.begin(), ids.end());
        ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
        clients_ = lock_clients(group_.id, ids);

        run_mutations();

        if (changed_) {
            if (!group_known) create_group(group_);
            write_version(space_);
            store_clients(group_.id, clients_, space_.version());
            store_rejections();
        }
        outcome_.version = changed_ || space_.written ? space_.version() : space_.committed;
        return std::move(outcome_);
    }

private:
    void run_mutations() {
        const DeferVersion defer(space_);
        const ContextScope scope(context_);
        pg::ScratchContext scratch;
        bool started = false;
        for (std::size_t i = 0; i < batch_.mutations.size(); ++i) {
            pg::check_interrupts();
            scratch.reset();
            const Mutation& mutation = batch_.mutations[i];
            Client& client = clients_.at(mutation.client_id);
            const std::int64_t expected = client.last_mutation_id + 1;
            if (mutation.id < expected) {
                ++outcome_.skipped;
                continue;
            }
            if (mutation.id > expected) {
                if (!client.known && !client.changed)
                    outcome_.client_state_not_found = true;
                else
                    outcome_.halted = Halt{.reason = Halt::Reason::out_of_order, .mutation = i, .expected = expected, .failure = {}};
                return;
            }
            // What the caller has left deferred must not be blamed on a mutation.
            if (!std::exchange(started, true)) check_deferred_constraints();
            if (!run_mutation(i)) return;
            client.last_mutation_id = mutation.id;
            client.changed = true;
            changed_ = true;
        }
    }

    // Whether the mutation is processed: applied or rejected.
    bool run_mutation(std::size_t i) {
        const Mutation& mutation = batch_.mutations[i];
        context_.client_id = mutation.client_id;
        context_.mutation_id = mutation.id;
        std::shared_ptr<Mutator> mutator;
        MutationTimeout timeout;
        std::optional<PgError> error;
        try {
            mutator = find_mutator(mutation.name);
        } catch (const SqlError& unknown) {
            timeout.stop();
            error.emplace(PgError::make(unknown));
        }
        if (mutator) {
            mutator->check_privilege();
            error = pg::attempt([&] {
                mutator->call(mutation.args);
                check_deferred_constraints();
                timeout.stop();
                if (timeout.expired()) throw timeout.error(mutation.name);
            });
            timeout.stop();
        }
        if (!error) {
            ++outcome_.applied;
            return true;
        }
        if (timeout.expired() && error->sqlerrcode() == ERRCODE_QUERY_CANCELED) {
            error.emplace(PgError::make(timeout.error(mutation.name)));
        } else {
            switch (fate_of(error->sqlerrcode())) {
                case Fate::raised:
                    throw std::move(*error);
                case Fate::temporary:
                    outcome_.halted = Halt{.reason = Halt::Reason::temporary, .mutation = i, .expected = 0, .failure = failure_of(*error)};
                    return false;
                case Fate::rejected:
                    break;
            }
        }
        outcome_.rejected.push_back({i, failure_of(*error)});
        return true;
    }

    void store_rejections() {
        if (outcome_.rejected.empty()) return;
        static pg::Statement insert(
            "INSERT INTO replicache.mutation_error (space, user_id, client_group_id, client_id, mutation_id, name, args, "
            "sqlstate, message, detail, hint) SELECT $1, $2, $3, u.client_id, u.mutation_id, u.name, u.args::pg_catalog.json, "
            "u.sqlstate, u.message, u.detail, u.hint FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5), "
            "pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), "
            "pg_catalog.unnest($10), pg_catalog.unnest($11)) "
            "AS u(client_id, mutation_id, name, args, sqlstate, message, detail, hint)",
            {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
             TEXTARRAYOID, TEXTARRAYOID});
        std::vector<std::string> clients, names, sqlstates, messages;
        std::vector<std::int64_t> ids;
        std::vector<std::optional<std::string>> args, details, hints;
        for (const auto& [index, failure] : outcome_.rejected) {
            const Mutation& mutation = batch_.mutations[index];
            clients.push_back(mutation.client_id);
            ids.push_back(mutation.id);
            names.push_back(mutation.name);
            args.push_back(mutation.args.empty() ? std::nullopt : std::optional<std::string>(mutation.args));
            sqlstates.push_back(failure.sqlstate);
            messages.push_back(failure.message);
            details.push_back(failure.detail);
            hints.push_back(failure.hint);
        }
        const pg::SpiConnection spi;
        const pg::AsOwner owner;
        insert.run({value(group_.space), value(group_.user_id), value(group_.id),
                    value(pg::text_array(clients)), value(pg::int8_array(ids)), value(pg::text_array(names)),
                    value(pg::text_array(args)), value(pg::text_array(sqlstates)), value(pg::text_array(messages)),
                    value(pg::text_array(details)), value(pg::text_array(hints))});
    }

    const Batch& batch_;
    ClientGroup group_;
    Space& space_;
    Context context_;
    std::unordered_map<std::string, Client> clients_;
    bool changed_ = false;  // some mutation was applied or rejected
    Outcome outcome_;
};

bool pushing = false;

}  // namespace

Outcome push(const Batch& batch, const Pusher& pusher) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.apply_push()"); });
    if (pushing)
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "apply_push cannot be called by a mutator", {},
                       "Call the other mutator's function directly.");
    struct Flag {
        Flag() { pushing = true; }
        ~Flag() { pushing = false; }
    } const flag;
    return Push(batch, pusher).run();
}

}  // namespace replicache::engine
