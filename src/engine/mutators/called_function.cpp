#include "engine/mutators/called_function.h"

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

CalledFunction::CalledFunction(Use use, Oid function) : use_(use) {
    context_ = guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache function", ALLOCSET_SMALL_SIZES); });
    try {
        look_up(function);
    } catch (...) {
        MemoryContextDelete(context_);
        throw;
    }
}

void CalledFunction::look_up(Oid function) {
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
        unfit(use_, function, "it is not a plain function", "Write it as a function, not as a procedure or an aggregate.");
    const std::string returns = use_ == Use::mutator ? "Return json, jsonb or void." : "Return json or jsonb.";
    if (form->proretset) unfit(use_, function, "it returns a set", returns);
    if (form->prorettype == TRIGGEROID || form->prorettype == EVENT_TRIGGEROID) unfit(use_, function, "it is a trigger function", returns);
    const Oid type = guarded([form] { return getBaseType(form->prorettype); });
    returns_json_ = type == JSONOID || type == JSONBOID;
    if (use_ == Use::query && !returns_json_) unfit(use_, function, "it does not return JSON", returns);
    // A function that is not volatile sees the database under the caller's snapshot. It would not see earlier mutations of the same push.
    if (use_ == Use::mutator && form->provolatile != PROVOLATILE_VOLATILE)
        unfit(use_, function, "it is not volatile", "Declare it VOLATILE, which is the default.");
    if (returns_json_) guarded([this, type] { writer_.prepare(type, context_); });
    parameters_.describe(use_, function, tuple, context_);
    guarded([this, function] { fmgr_info_cxt(function, &info_, context_); });
}

// Whether the function is still the version that was looked up.
bool CalledFunction::is_current() {
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
void CalledFunction::look_up_again() {
    const Oid function = pg::find_function(name_);
    if (function == InvalidOid)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function " + name_ + " does not exist", {},
                       "Create it, or register another function under the " + name_of(use_) + "'s name.", pg::Defect::certain);
    MemoryContextReset(context_);
    parameters_ = {};
    look_up(function);
    check_privilege();
}

void CalledFunction::check_privilege() const {
    if (!guarded([this] { return pg::may_execute(function_); }))
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for function " + name_, {},
                       "Grant EXECUTE on it to the calling role.", pg::Defect::possible);
}

void CalledFunction::check_owner() const {
    if (!guarded([this] { return pg::owns_function(function_); }))
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "must be owner of function " + name_);
}

FunctionCallInfo CalledFunction::read(std::string_view args) {
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

FunctionCallInfo CalledFunction::arguments(std::string_view args) {
    if (!is_current()) look_up_again();
    FunctionCallInfo const call = read(args);
    if (is_current()) return call;
    look_up_again();  // the check of a domain has changed the function, or has waited for a transaction that did
    return read(args);
}

std::optional<pg::PgError> CalledFunction::call(std::string_view args, std::string* result) {
    if (result != nullptr) result->clear();
    // With a new snapshot, defaults, domain checks and the function itself see what was done before.
    guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    FunctionCallInfo const call = arguments(args);
    StringInfoData json{};
    auto error = pg::error_of([&, wanted = result != nullptr && returns_json_] {
        // Like SQL, this does not call a strict function with a null.
        bool skip = false;
        for (int i = 0; i < call->nargs; ++i) skip |= info_.fn_strict && call->args[i].isnull;
        if (skip) {
            PopActiveSnapshot();
            return;
        }
        PgStat_FunctionCallUsage usage;
        pgstat_init_function_usage(call, &usage);
        const Datum datum = FunctionCallInvoke(call);
        pgstat_end_function_usage(&usage, true);
        if (wanted && !call->isnull) write(datum, &json);
        PopActiveSnapshot();
        CommandCounterIncrement();
    });
    if (!error && json.data != nullptr) result->assign(json.data, static_cast<std::size_t>(json.len));
    return error;
}

// Runs guarded. The value may be stored out of line, so the snapshot must be there.
void CalledFunction::write(Datum datum, StringInfo json) {
    initStringInfo(json);
    writer_.append(json, datum, false);
    // In a database of encoding SQL_ASCII, a json value may be any bytes.
    if (GetDatabaseEncoding() != PG_UTF8) pg_verify_mbstr(PG_UTF8, json->data, json->len, false);
}

}  // namespace replicache::engine
