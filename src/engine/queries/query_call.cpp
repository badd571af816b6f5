#include "engine/queries/query_call.h"

#include "engine/session/failure.h"
#include "pg/settings_scope.h"
#include "pg/subtransaction.h"

namespace replicache::engine {
namespace {

// A function may not be called again while its parameters are read.
class CallGuard {
public:
    CallGuard() {
        if (calling_)
            throw pg::SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "zero_queries cannot be called by a query", {},
                               "Call the other query's function directly.");
        calling_ = true;
    }
    ~CallGuard() { calling_ = false; }
    CallGuard(const CallGuard&) = delete;
    CallGuard& operator=(const CallGuard&) = delete;

private:
    static inline bool calling_ = false;
};

}  // namespace

QueryResult call_query(CalledFunction& function, std::string_view args) {
    const CallGuard guard;
    function.check_privilege();
    QueryResult result;
    auto error = pg::attempt([&] {
        pg::SettingsScope settings;
        auto raised = function.call(args, &result.ast);
        if (!raised) settings.restore();
        return raised;
    });
    if (!error) return result;
    // A defect is left to the query: other queries of the client go on, and no mutation is lost.
    if (sqlstate::scope_of(error->sqlerrcode()) != Scope::mutation) throw std::move(*error);
    // The function may have been replaced by one that the role may not execute.
    if (error->sqlerrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE) function.check_privilege();
    return {.failure = failure_of(*error)};
}

}  // namespace replicache::engine
