// Memory contexts with an owner in C++.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

struct DeleteContext {
    void operator()(MemoryContext context) const { MemoryContextDelete(context); }
};
using ContextPtr = std::unique_ptr<MemoryContextData, DeleteContext>;

// For one step of a loop. The context is current while the object lives. reset() frees what the step has allocated.
class ScratchContext {
public:
    ScratchContext() : outer_(CurrentMemoryContext) {
        scratch_ = guarded([] { return AllocSetContextCreate(CurrentMemoryContext, "replicache scratch", ALLOCSET_DEFAULT_SIZES); });
        MemoryContextSwitchTo(scratch_);
    }
    ~ScratchContext() {
        MemoryContextSwitchTo(outer_);
        MemoryContextDelete(scratch_);
    }
    ScratchContext(const ScratchContext&) = delete;
    ScratchContext& operator=(const ScratchContext&) = delete;

    void reset() { MemoryContextReset(scratch_); }

private:
    MemoryContext outer_;
    MemoryContext scratch_;
};

}  // namespace replicache::pg
