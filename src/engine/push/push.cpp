#include "engine/push/push.h"

#include "engine/push/rejection.h"
#include "engine/push/runner.h"
#include "engine/session/client.h"
#include "engine/session/constraints.h"
#include "engine/session/context.h"
#include "engine/session/failure.h"
#include "engine/session/push_guard.h"
#include "engine/space/away.h"
#include "engine/space/head.h"
#include "engine/space/space.h"

extern "C" {
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

class Push {
public:
    Push(const Batch& batch, const Pusher& pusher)
        : batch_(batch), group_{batch.client_group_id, pusher.user_id, pusher.space}, space_(take_space(pusher.space)) {}

    Outcome run() {
        std::vector<std::size_t> todo;
        bool group_known;
        do {
            todo = look_up_and_decide(group_known);
            // Other pushes of the group wait for its row when the clock does not lock the space. So a group that is new gets its row first.
        } while (!group_known && !todo.empty() && !create_group(group_));
        if (group_known && !todo.empty() && recorded_space_ != group_.space) take_over_group();
        run_mutations(todo);
        // Skipped are the mutations that the push has looked at, but has neither run nor stopped at.
        const auto reached = std::lower_bound(todo.begin(), todo.end(), looked_at_);
        outcome_.skipped = static_cast<std::int64_t>(looked_at_) - (reached - todo.begin());

        if (changed_) {
            store_clients(group_.id, clients_, stamp(space_));
            store_rejections(batch_, outcome_.rejected, group_);
        } else if (!group_known && !todo.empty()) {
            delete_group(group_);  // the push leaves nothing behind
        }
        outcome_.version = std::max<std::int64_t>(space_.head(), 0);
        return std::move(outcome_);
    }

private:
    // The group was recorded with another text for this space. No rows are in the space of that text, but the cookies of the group's
    // clients are from it. They are useless here, so the versions of this space continue above them, and no older cookie gets a delta.
    void take_over_group() {
        if (const auto head = head_of(recorded_space_)) skip_to(space_, head->version);
        raise_floor(space_);
        store_space(group_);
    }

    // Locks are taken in the same order everywhere: space, client group, clients.
    std::vector<std::size_t> look_up_and_decide(bool& group_known) {
        const auto recorded = check_group(group_, GroupAccess::lock);
        group_known = recorded.has_value();
        if (recorded) recorded_space_ = *recorded;
        std::vector<std::string_view> ids;
        for (const Mutation& mutation : batch_.mutations)
            if (const std::string_view id = batch_.client_of(mutation); ids.empty() || ids.back() != id) ids.push_back(id);
        std::sort(ids.begin(), ids.end());
        ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
        clients_ = lock_clients(group_.id, ids);
        outcome_ = {};
        return decide();
    }

    // Decides what to do with each mutation before the first one runs. Returns the indexes of the mutations to run. They end before the
    // first mutation whose id is out of order, or whose client has been forgotten.
    std::vector<std::size_t> decide() {
        std::vector<std::size_t> todo;
        todo.reserve(batch_.mutations.size());
        for (std::size_t i = 0; i < batch_.mutations.size(); ++i) {
            const Mutation& mutation = batch_.mutations[i];
            Client& client = clients_.at(batch_.client_of(mutation));
            const std::int64_t expected = client.last_planned_id + 1;
            if (mutation.id < expected) continue;
            if (mutation.id > expected || client.forgotten) {
                if (client.row == nullptr && expected == 1)
                    outcome_.client_state_not_found = true;
                else
                    outcome_.halted = Halt{.reason = Halt::Reason::out_of_order, .mutation = i, .expected = expected, .failure = {}};
                looked_at_ = i;
                return todo;
            }
            client.last_planned_id = mutation.id;
            todo.push_back(i);
        }
        looked_at_ = batch_.mutations.size();
        return todo;
    }

    void run_mutations(const std::vector<std::size_t>& todo) {
        if (todo.empty()) return;
        // The caller may have deferred constraints. A violation of the caller must not be blamed on a mutation.
        check_deferred_constraints();
        Context context{.user_id = group_.user_id,
                        .space = group_.space,
                        .client_group_id = group_.id,
                        .version = version_of(space_),
                        .schema_version = batch_.schema_version};
        const DeferVersion defer(space_);
        const ContextScope scope(context);
        Runner runner(batch_, context);
        runner.run(todo);

        for (std::size_t i = 0; i < runner.processed(); ++i) {
            const Mutation& mutation = batch_.mutations[todo[i]];
            Client& client = clients_.at(batch_.client_of(mutation));
            client.last_mutation_id = mutation.id;
            client.changed = changed_ = true;
        }
        outcome_.rejected = std::move(runner.rejected());
        outcome_.applied = static_cast<std::int64_t>(runner.processed() - outcome_.rejected.size());
        if (runner.halted()) {  // the run has stopped before the mutation whose id is out of order
            looked_at_ = runner.halted()->mutation;
            outcome_.halted = std::move(runner.halted());
            outcome_.client_state_not_found = false;
            const Mutation& mutation = batch_.mutations[looked_at_];
            if (outcome_.halted->failure.defect) log_defect(mutation.name, batch_.client_of(mutation), outcome_.halted->failure);
        }
    }

    const Batch& batch_;
    ClientGroup group_;
    std::string recorded_space_;  // the text that the group's first push had for the space
    Space& space_;
    Clients clients_;
    std::size_t looked_at_ = 0;  // how many mutations the push has looked at before it stopped
    bool changed_ = false;       // some mutation was applied or rejected
    Outcome outcome_;
};

// The space is on its way to another server, and nothing was done. The client keeps the mutations, and comes again.
Outcome not_here(const Batch& batch, const SpaceAway& error) {
    if (batch.mutations.empty()) throw error;
    Outcome outcome;
    outcome.halted = Halt{.reason = Halt::Reason::temporary, .mutation = 0, .expected = 0, .failure = failure_of(pg::PgError::make(error))};
    return outcome;
}

}  // namespace

Outcome push(const Batch& batch, const Pusher& pusher) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.apply_push()"); });
    const PushGuard guard("apply_push");
    try {
        return Push(batch, pusher).run();
    } catch (const SpaceAway& error) {
        return not_here(batch, error);
    }
}

}  // namespace replicache::engine
