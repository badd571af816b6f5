// Calls of one mutator that wait to be made by one statement.
#pragma once

#include "engine/mutators/body_statement.h"
#include "engine/mutators/called_function.h"
#include "pg/waiting_rows.h"

namespace replicache::engine {

class CallGroup {
public:
    // Null: the calls must be made one by one. The function must live longer.
    static std::unique_ptr<CallGroup> start(CalledFunction& function);

    // Adds a call. False: it cannot be made together with those that wait. Throws when the args do not fit.
    [[nodiscard]] bool add(std::string_view args);
    // Makes the calls. False: with an error, or one statement cannot make them. Then roll back.
    [[nodiscard]] bool make(std::optional<pg::PgError>& error);

private:
    CallGroup(CalledFunction& function, pg::ContextPtr context) : function_(function), context_(std::move(context)) {}
    bool prepare();
    bool execute();
    std::uint64_t key_of(FunctionCallInfo call) const;

    CalledFunction& function_;
    const pg::ContextPtr context_;  // of the statement
    TupleDesc row_ = nullptr;       // the arguments of a call
    BodyStatement statement_{};
    std::uint64_t changes_ = 0;  // of catalogs, when the statement was made
    // The calls that wait.
    pg::WaitingRows waiting_{};
    std::size_t bytes_ = 0;
    std::unordered_set<std::uint64_t> keys_{};
};

}  // namespace replicache::engine
