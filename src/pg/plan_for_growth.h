// Plans of statements that look for rows of a table by those of "waiting", which is an ephemeral named relation.
#pragma once

#include "prelude.h"

extern "C" {
#include "jit/jit.h"
#include "nodes/plannodes.h"
#include "optimizer/cost.h"
}

namespace replicache::pg {

// While it lives, PostgreSQL plans for tables that grow. A plan that is kept, and was made for a small table, must not read all of the
// table later. Disabling such plans makes plans look expensive, which would turn on JIT compilation. So that is off, too.
class PlanForGrowth {
public:
    PlanForGrowth() { enable_seqscan = enable_hashjoin = enable_mergejoin = jit_enabled = false; }
    ~PlanForGrowth() {
        enable_seqscan = seqscan_;
        enable_hashjoin = hashjoin_;
        enable_mergejoin = mergejoin_;
        jit_enabled = jit_;
    }
    PlanForGrowth(const PlanForGrowth&) = delete;
    PlanForGrowth& operator=(const PlanForGrowth&) = delete;

private:
    const bool seqscan_ = enable_seqscan;
    const bool hashjoin_ = enable_hashjoin;
    const bool mergejoin_ = enable_mergejoin;
    const bool jit_ = jit_enabled;
};

// Whether the statement writes rows in the order of "waiting". The planner may take the rows of the table first, if a condition of a policy
// or of the user's finds them by an index.
inline bool writes_in_order(const PlannedStmt& statement) {
    if (!IsA(statement.planTree, ModifyTable)) return true;
    const ::Plan* plan = statement.planTree->lefttree;
    while (plan != nullptr && (IsA(plan, NestLoop) || IsA(plan, Result))) plan = plan->lefttree;
    return plan != nullptr && IsA(plan, NamedTuplestoreScan);
}

}  // namespace replicache::pg
