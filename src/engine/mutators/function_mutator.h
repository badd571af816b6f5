// A mutator that is a function of the database.
#pragma once

#include "engine/mutators/call_group.h"
#include "engine/mutators/mutator.h"

namespace replicache::engine {

class FunctionMutator : public Mutator {
public:
    explicit FunctionMutator(Oid function) : function_(Use::mutator, function) {}

    void check_privilege() const override { function_.check_privilege(); }
    std::optional<pg::PgError> call(std::string_view args, std::string* result = nullptr) override { return function_.call(args, result); }
    std::unique_ptr<CallGroup> start_group() override { return CallGroup::start(function_); }

private:
    CalledFunction function_;
};

}  // namespace replicache::engine
