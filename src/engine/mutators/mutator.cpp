#include "engine/mutators/mutator.h"

#include "engine/mutators/parameters.h"
#include "engine/mutators/row_mutator.h"
#include "pg/compat.h"
#include "pg/identity.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"

extern "C" {
#include "pgstat.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;

// Null: not registered, but of an exposed table, whose writer has a cache of its own.
std::unordered_map<std::string, std::shared_ptr<Mutator>> mutators;
Oid registry = InvalidOid;
bool mutators_valid = false;
std::uint64_t function_changes = 0;  // of any functions, as far as this backend has heard

const pg::RelationListener registry_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || relation == registry) mutators_valid = false;
});
const pg::CatalogListener function_listener(PROCOID, []() noexcept {
    mutators_valid = false;
    ++function_changes;
});

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
    // Which version of the function this is, and when that was last made sure of.
    TransactionId written_by_ = InvalidTransactionId;
    ItemPointerData place_{};
    std::uint64_t seen_changes_ = 0;
    MemoryContext context_;
    FmgrInfo info_;
    Parameters parameters_;
};

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
    // A function that is not volatile sees the database as of the caller's snapshot: without the mutation before it.
    if (form->provolatile != PROVOLATILE_VOLATILE) unfit(function, "it is not volatile", "Declare it VOLATILE, which is the default.");
    parameters_.describe(function, tuple, context_);
    guarded([this, function] { fmgr_info_cxt(function, &info_, context_); });
}

// Whether the function is what was looked up.
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

// It has been replaced, or dropped and created anew.
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
    // So that defaults, domain checks and the function itself see the mutation before this one.
    guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    if (!is_current()) look_up_again();
    FunctionCallInfo call = read(args);
    if (!is_current()) {  // the check of a domain has changed it, or waited for somebody who did
        look_up_again();
        call = read(args);
    }
    return pg::error_of([&] {
        // As in SQL, a strict function is not called with a null.
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

// Null: none is registered under that name.
std::shared_ptr<Mutator> registered_mutator(const std::string& name) {
    static pg::OwnStatement query("SELECT function FROM replicache.mutator WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    std::string signature;
    {
        const SpiConnection spi;
        const pg::Rows rows = query.run({value(name)}, pg::Snapshot::latest);
        if (rows.empty()) return nullptr;
        signature = pg::required(rows.text(0, 1));
    }
    const Oid function = pg::find_function(signature);
    if (function == InvalidOid)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function " + signature + " of mutator \"" + name + "\" does not exist", {},
                       "Create it, or register another function under that name.", pg::Defect::certain);
    return std::make_shared<FunctionMutator>(function);
}

std::string hint_at_registering(const std::string& name) {
    for (const std::string_view operation : {".insert", ".upsert", ".update", ".delete"})
        if (name.size() > operation.size() && name.ends_with(operation))
            return "Register it by replicache.register_mutator, or expose a table as \"" + name.substr(0, name.size() - operation.size()) +
                   "\" by replicache.expose_crud.";
    return "Register it by replicache.register_mutator.";
}

}  // namespace

std::shared_ptr<Mutator> find_mutator(const std::string& name) {
    if (!mutators_valid) {
        mutators.clear();
        registry = pg::own_relation("mutator");
        mutators_valid = true;  // before reading: an invalidation that arrives meanwhile must not be lost
    }
    const auto known = mutators.find(name);
    auto mutator = known != mutators.end() ? known->second : registered_mutator(name);
    const bool registered = mutator != nullptr;
    if (!registered) mutator = find_row_mutator(name);
    if (!mutator)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "unknown mutator \"" + name + "\"", {}, hint_at_registering(name), pg::Defect::possible);
    // Names that nobody knows are not kept: clients could think of any number of them.
    if (known == mutators.end()) mutators[name] = registered ? mutator : nullptr;
    return mutator;
}

void register_mutator(const std::string& name, Oid function) {
    if (name.empty()) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "the name of a mutator must not be empty");
    const FunctionMutator check(function);
    if (!guarded([function] { return pg::owns_function(function); }))
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "must be owner of function " + signature_of(function));
    static pg::OwnStatement store(
        "INSERT INTO replicache.mutator (name, function) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET function = excluded.function",
        {TEXTOID, TEXTOID});
    const SpiConnection spi;
    store.run({value(name), value(signature_of(function))});
    pg::tell_of_change("mutator");
}

void unregister_mutator(const std::string& name) {
    static pg::OwnStatement remove("DELETE FROM replicache.mutator WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const SpiConnection spi;
    if (remove.run({value(name)}).count() == 0) throw SqlError(ERRCODE_UNDEFINED_OBJECT, "mutator \"" + name + "\" is not registered");
    pg::tell_of_change("mutator");
}

}  // namespace replicache::engine
