#include "engine/mutators/function_mutator.h"

#include "pg/compat.h"
#include "pg/identity.h"
#include "pg/invalidation.h"

extern "C" {
#include "pgstat.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

std::uint64_t function_changes = 0;  // how often this backend has heard of a change of any function

const pg::CatalogListener function_listener(PROCOID, []() noexcept { ++function_changes; });

}  // namespace

FunctionMutator::FunctionMutator(Oid function) {
    context_ = guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache mutator", ALLOCSET_SMALL_SIZES); });
    try {
        look_up(function);
    } catch (...) {
        MemoryContextDelete(context_);
        throw;
    }
}

void FunctionMutator::look_up(Oid function) {
    seen_changes_ = function_changes;
    name_ = signature_of(function);
    HeapTuple const tuple = guarded([function] { return SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(function)); });
    if (!HeapTupleIsValid(tuple))
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function with OID " + std::to_string(function) + " does not exist", {}, {},
                       pg::Defect::certain);
    function_ = function;
    written_by_ = HeapTupleHeaderGetRawXmin(tuple->t_data);
    place_ = tuple->t_self;
    const auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    if (form->prokind != PROKIND_FUNCTION)
        unfit(function, "it is not a plain function", "Write it as a function, not as a procedure or an aggregate.");
    if (form->proretset) unfit(function, "it returns a set", "Return json, jsonb or void.");
    if (form->prorettype == TRIGGEROID || form->prorettype == EVENT_TRIGGEROID)
        unfit(function, "it is a trigger function", "Return json, jsonb or void.");
    // A function that is not volatile sees the database under the caller's snapshot. It would not see earlier mutations of the same push.
    if (form->provolatile != PROVOLATILE_VOLATILE) unfit(function, "it is not volatile", "Declare it VOLATILE, which is the default.");
    parameters_.describe(function, tuple, context_);
    guarded([this, function] { fmgr_info_cxt(function, &info_, context_); });
}

// Whether the function is still the version that was looked up.
bool FunctionMutator::is_current() {
    if (seen_changes_ == function_changes) return true;
    seen_changes_ = function_changes;
    return guarded([this] {
        HeapTuple const tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function_));
        if (!HeapTupleIsValid(tuple)) return false;
        const bool same = HeapTupleHeaderGetRawXmin(tuple->t_data) == written_by_ && ItemPointerEquals(&tuple->t_self, &place_);
        ReleaseSysCache(tuple);
        return same;
    });
}

// Looks the function up by its signature, because it has been replaced, or dropped and created again.
void FunctionMutator::look_up_again() {
    const Oid function = pg::find_function(name_);
    if (function == InvalidOid)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function " + name_ + " does not exist", {},
                       "Create it, or register another function under the mutator's name.", pg::Defect::certain);
    MemoryContextReset(context_);
    parameters_ = {};
    look_up(function);
    check_privilege();
}

void FunctionMutator::check_privilege() const {
    if (!guarded([this] { return pg::may_execute(function_); }))
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for function " + name_, {},
                       "Grant EXECUTE on it to the calling role.", pg::Defect::possible);
}

FunctionCallInfo FunctionMutator::read(std::string_view args) {
    FunctionCallInfo const call = guarded([this] {
        const int n = parameters_.count();
        auto* result = static_cast<FunctionCallInfo>(palloc0(SizeForFunctionCallInfo(n)));
        InitFunctionCallInfoData(*result, &info_, n, InvalidOid, nullptr, nullptr);
        return result;
    });
    try {
        parameters_.fill(args, call);
    } catch (pg::PgError& error) {
        error.doubt();
        throw;
    }
    return call;
}

std::optional<pg::PgError> FunctionMutator::call(std::string_view args) {
    // With a new snapshot, defaults, domain checks and the function itself see the mutation before this one.
    guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    if (!is_current()) look_up_again();
    FunctionCallInfo call = read(args);
    if (!is_current()) {  // the check of a domain has changed the function, or has waited for a transaction that did
        look_up_again();
        call = read(args);
    }
    return pg::error_of([&] {
        // Like SQL, this does not call a strict function with a null.
        bool skip = false;
        for (int i = 0; i < call->nargs; ++i) skip |= info_.fn_strict && call->args[i].isnull;
        if (skip) {
            PopActiveSnapshot();
            return;
        }
        PgStat_FunctionCallUsage usage;
        pgstat_init_function_usage(call, &usage);
        FunctionCallInvoke(call);
        pgstat_end_function_usage(&usage, true);
        PopActiveSnapshot();
        CommandCounterIncrement();
    });
}

}  // namespace replicache::engine
