#include "engine/space/taken_spaces.h"

#include "engine/poke/poke.h"

namespace replicache::engine {
namespace {

TakenSpaces spaces;

// One thing that was done to a space. When its subtransaction rolls back, the lock and the version in the row are gone, so the step is
// undone in memory, too.
struct Step {
    enum class Kind { take, change, stamp, write_row } kind;
    Space* space;
    SubTransactionId by;
};
std::vector<Step> steps;  // in the order in which they were made

void step(Step::Kind kind, Space& space) { steps.push_back({kind, &space, GetCurrentSubTransactionId()}); }

void undo(const Step& step) {
    switch (step.kind) {
        case Step::Kind::take: step.space->taken = false; break;
        case Step::Kind::change: step.space->changed = false; break;
        case Step::Kind::stamp: step.space->stamped = false; break;
        case Step::Kind::write_row: step.space->row = nullptr; break;
    }
}

// Deferred triggers have been fired before. PreCommit_Notify and AtPrepare_Notify come after these callbacks.
extern "C" void at_transaction_end(XactEvent event, void*) {
    switch (event) {
        case XACT_EVENT_PRE_COMMIT:
        case XACT_EVENT_PRE_PREPARE:
            pg::entry([event] {
                for (auto& [id, space] : spaces) space.clock->before_commit(space);
                event == XACT_EVENT_PRE_COMMIT ? pokes_before_commit() : pokes_before_prepare();
            });
            break;
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            switch (event) {
                case XACT_EVENT_COMMIT: pokes_after_commit(); break;
                case XACT_EVENT_PREPARE: pokes_after_prepare(); break;
                default: pokes_after_abort();
            }
            steps.clear();
            spaces.clear();
            break;
        default: break;
    }
}

extern "C" void at_resource_release(ResourceReleasePhase phase, bool, bool is_top_level, void*) {
    if (phase == RESOURCE_RELEASE_AFTER_LOCKS && is_top_level) pokes_after_locks();
}

// Ids rise. A higher one belongs to a subtransaction inside this one. A subtransaction that commits leaves nothing to do: its steps are
// undone when its parent rolls back.
extern "C" void at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId, void*) {
    if (event != SUBXACT_EVENT_ABORT_SUB) return;
    for (; !steps.empty() && steps.back().by >= mine; steps.pop_back()) undo(steps.back());
    undo_pokes(mine);
}

}  // namespace

TakenSpaces& taken_spaces() { return spaces; }

void note_taken(Space& space) {
    step(Step::Kind::take, space);
    space.taken = true;
}

void note_changed(Space& space) {
    if (space.changed) return;
    step(Step::Kind::change, space);
    space.changed = true;
}

void note_stamped(Space& space) {
    if (space.stamped) return;
    step(Step::Kind::stamp, space);
    space.stamped = true;
}

void write_row(Space& space, std::initializer_list<pg::Table::Change> changes) {
    pg::Table table("space", pg::Table::Access::write);
    if (space.row == nullptr) {
        table.lock(space.id);
        space.row = table.copy_row(TopTransactionContext);
    }
    if (const SubTransactionId me = GetCurrentSubTransactionId(); space.row_written_in != me) {
        step(Step::Kind::write_row, space);
        space.row_written_in = me;
    }
    space.row = table.update(space.row, changes, TopTransactionContext);
}

void register_space_callbacks() {
    pg::guarded([] {
        RegisterXactCallback(at_transaction_end, nullptr);
        RegisterSubXactCallback(at_subtransaction_end, nullptr);
        RegisterResourceReleaseCallback(at_resource_release, nullptr);
    });
}

}  // namespace replicache::engine
