// A mutator that is a function of the database.
#pragma once

#include "engine/mutators/mutator.h"
#include "engine/mutators/parameters.h"

namespace replicache::engine {

class FunctionMutator : public Mutator {
public:
    explicit FunctionMutator(Oid function);
    ~FunctionMutator() override { MemoryContextDelete(context_); }
    FunctionMutator(const FunctionMutator&) = delete;
    FunctionMutator& operator=(const FunctionMutator&) = delete;

    void check_privilege() const override;
    std::optional<pg::PgError> call(std::string_view args) override;

private:
    void look_up(Oid function);
    bool is_current();
    void look_up_again();
    FunctionCallInfo read(std::string_view args);

    Oid function_ = InvalidOid;
    std::string name_;  // its signature
    // The version of the function that was looked up: its row in pg_proc.
    TransactionId written_by_ = InvalidTransactionId;
    ItemPointerData place_{};
    std::uint64_t seen_changes_ = 0;  // the number of function changes when the version was last checked
    MemoryContext context_;
    FmgrInfo info_;
    Parameters parameters_;
};

}  // namespace replicache::engine
