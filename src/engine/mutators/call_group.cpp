#include "engine/mutators/call_group.h"

#include "engine/mutators/mutator.h"
#include "engine/rows/reads_tables.h"
#include "engine/space/space.h"
#include "pg/compat.h"
#include "pg/invalidation.h"
#include "pg/plan_for_growth.h"

extern "C" {
#include "catalog/pg_language.h"
#include "parser/parsetree.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// How often this backend has heard that something has changed which a statement may depend on.
std::uint64_t relation_changes = 0;
const pg::RelationListener relation_listener([](Oid) noexcept { ++relation_changes; });
std::uint64_t changes() { return relation_changes + code_epoch(); }

// Everything about a call that the statement of its function does not show.
bool is_plain(const FormData_pg_proc& function) {
    return function.prolang == SQLlanguageId && function.prorettype == VOIDOID && !function.prosecdef && !function.proretset &&
           !FmgrHookIsNeeded(function.oid);
}

// The arguments of a call, as a row. Null: calls of the function must be made one by one.
TupleDesc describe(HeapTuple function) {
    const auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(function));
    if (!is_plain(*form) || !heap_attisnull(function, Anum_pg_proc_proconfig, nullptr) ||
        !heap_attisnull(function, Anum_pg_proc_proallargtypes, nullptr))
        return nullptr;
    TupleDesc const row = CreateTemplateTupleDesc(form->pronargs);
    for (AttrNumber i = 1; i <= form->pronargs; ++i) {
        char name[NAMEDATALEN];
        snprintf(name, sizeof name, "~%d", i);
        TupleDescInitEntry(row, i, name, form->proargtypes.values[i - 1], -1, 0);
    }
    pg::complete(row);
    return row;
}

}  // namespace

std::unique_ptr<CallGroup> Mutator::start_group() { return nullptr; }

std::unique_ptr<CallGroup> CallGroup::start(CalledFunction& function) {
    if (pgstat_track_functions == TRACK_FUNC_ALL || function.refuses_groups(changes())) return nullptr;
    std::unique_ptr<CallGroup> group(new CallGroup(
        function,
        pg::ContextPtr(guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache calls", ALLOCSET_SMALL_SIZES); }))));
    // To take a lock, PostgreSQL reads what has changed meanwhile. So the first statement may be old already.
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (!group->prepare()) break;
        if (group->changes_ == changes()) return group;
    }
    function.refuse_groups(changes());
    return nullptr;
}

// Whether calls can be made by one statement.
bool CallGroup::prepare() {
    changes_ = changes();
    MemoryContextReset(context_.get());
    struct Switch {
        explicit Switch(MemoryContext to) : outer(MemoryContextSwitchTo(to)) {}
        ~Switch() { MemoryContextSwitchTo(outer); }
        MemoryContext outer;
    } const in_context(context_.get());
    HeapTuple const tuple = guarded([this] { return SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(function_.oid())); });
    if (!HeapTupleIsValid(tuple)) return false;
    row_ = guarded([tuple] { return describe(tuple); });
    if (row_ == nullptr || !function_.has_safe_arguments()) return false;
    statement_ = body_statement(tuple, row_);
    return statement_.query != nullptr;
}

bool CallGroup::add(std::string_view args) {
    const std::size_t calls = waiting_.count();
    if (calls == pg::WaitingRows::max_rows || (calls > 0 && bytes_ + args.size() > pg::WaitingRows::max_bytes)) return false;
    FunctionCallInfo const call = function_.arguments(args);
    if (changes() != changes_) return false;  // the arguments may be of other types now than the row says
    // Like SQL, this does not call a strict function with a null.
    if (function_.is_strict() && std::any_of(call->args, call->args + call->nargs, [](const NullableDatum& a) { return a.isnull; }))
        return true;
    if (statement_.key_length > 0 && !keys_.insert(key_of(call)).second) return false;
    std::array<Datum, FUNC_MAX_ARGS> values;
    std::array<bool, FUNC_MAX_ARGS> nulls;
    for (int i = 0; i < call->nargs; ++i) {
        values[i] = call->args[i].value;
        nulls[i] = call->args[i].isnull;
    }
    waiting_.add(row_, values.data(), nulls.data());
    bytes_ += args.size();
    return true;
}

bool CallGroup::make(std::optional<pg::PgError>& error) {
    if (waiting_.count() == 0) return true;
    if (changes() != changes_) return false;
    const pg::PlanForGrowth setting;
    bool in_order = true;
    error = pg::error_of([&] { in_order = execute(); });
    if (error) return false;
    if (!in_order && versions_tell_order()) {
        function_.refuse_groups(changes());
        return false;
    }
    waiting_.clear();
    bytes_ = 0;
    keys_.clear();
    return true;
}

// Compare postquel_start in executor/functions.c. The statement is planned for the tables as they are now: a plan costs as much as about
// five calls. Returns whether the calls were made in their order.
bool CallGroup::execute() {
    const auto calls = static_cast<double>(waiting_.count());
    PushActiveSnapshot(GetTransactionSnapshot());
    Query* const query = static_cast<Query*>(copyObjectImpl(statement_.query));  // the planner changes it
    ListCell* cell;
    foreach (cell, query->rtable)
        if (lfirst_node(RangeTblEntry, cell)->rtekind == RTE_NAMEDTUPLESTORE) lfirst_node(RangeTblEntry, cell)->enrtuples = calls;
    PlannedStmt* const plan = pg_plan_query(query, statement_.source, 0, nullptr);
    const bool in_order = waiting_.count() == 1 || pg::writes_in_order(*plan);
    QueryEnvironment* const environment = create_queryEnv();
    register_ENR(environment, waiting_.relation(row_, calls));
    QueryDesc* const run =
        CreateQueryDesc(plan, statement_.source, GetActiveSnapshot(), InvalidSnapshot, None_Receiver, nullptr, environment, 0);
    ExecutorStart(run, 0);
    pg::run_to_end(run);
    ExecutorFinish(run);
    ExecutorEnd(run);
    FreeQueryDesc(run);
    PopActiveSnapshot();
    CommandCounterIncrement();
    return in_order;
}

// A hash of the bytes of the arguments that say which row a call writes. Rows that have the same one by chance pass for one row.
std::uint64_t CallGroup::key_of(FunctionCallInfo call) const {
    std::uint64_t key = 0;
    for (int k = 0; k < statement_.key_length; ++k) {
        const NullableDatum& argument = call->args[statement_.key[k]];
        const FormData_pg_attribute& column = *TupleDescAttr(row_, statement_.key[k]);
        key = pg::hash_of_bytes({argument.value, argument.isnull}, column.attbyval, column.attlen, key);
    }
    return key;
}

}  // namespace replicache::engine
