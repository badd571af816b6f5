#include "engine/mutator.h"

#include "pg/compat.h"
#include "pg/subtransaction.h"

extern "C" {
#include "catalog/pg_language.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/jsonfuncs.h"
#include "utils/regproc.h"
#include "utils/typcache.h"
}

namespace replicache::engine {
namespace {

using pg::AsOwner;
using pg::guarded;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;

std::unordered_map<std::string, std::shared_ptr<Mutator>> mutators;
Oid registry = InvalidOid;
bool mutators_valid = false;

extern "C" void at_registry_change(Datum, Oid relation) {
    if (relation == InvalidOid || relation == registry) mutators_valid = false;
}
extern "C" void at_function_change(Datum, int, uint32) { mutators_valid = false; }

std::string signature_of(Oid function) {
    return guarded([function] { return format_procedure_qualified(function); });
}

[[noreturn]] void unfit(Oid function, const std::string& problem, const std::string& hint) {
    throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "function " + signature_of(function) + " cannot be a mutator: " + problem, {},
                   hint);
}

// The top-level member names of a JSON object, in order.
struct MemberNames {
    bool is_object;
    List* names;  // of char*
};

// The callbacks of PostgreSQL's JSON parser: C frames around them, so nothing here has a destructor.
#if PG_VERSION_NUM >= 160000
using ParseResult = JsonParseErrorType;
#define PARSE_OK return JSON_SUCCESS
#else
using ParseResult = void;
#define PARSE_OK return
#endif

struct NameReader {
    JsonLexContext* lexer;
    MemberNames result;
};

ParseResult on_object(void* state) {
    auto& reader = *static_cast<NameReader*>(state);
    if (reader.lexer->lex_level == 0) reader.result.is_object = true;
    PARSE_OK;
}

ParseResult on_member(void* state, char* name, bool) {
    auto& reader = *static_cast<NameReader*>(state);
    if (reader.lexer->lex_level == 1) reader.result.names = lappend(reader.result.names, name);
    PARSE_OK;
}

MemberNames member_names(std::string_view json) {
    return guarded([json] {
        NameReader reader{};
#if PG_VERSION_NUM >= 170000
        JsonLexContext lexer{};
        reader.lexer = makeJsonLexContextCstringLen(&lexer, const_cast<char*>(json.data()), json.size(), PG_UTF8, true);
#else
        reader.lexer = makeJsonLexContextCstringLen(const_cast<char*>(json.data()), json.size(), GetDatabaseEncoding(), true);
#endif
        JsonSemAction actions{};
        actions.semstate = &reader;
        actions.object_start = on_object;
        actions.object_field_start = on_member;
        pg_parse_json_or_ereport(reader.lexer, &actions);
        return reader.result;
    });
}

}  // namespace

Mutator::Mutator(Oid function) : function_(function) {
    context_ = guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache mutator", ALLOCSET_SMALL_SIZES); });
    try {
        name_ = signature_of(function);
        HeapTuple const tuple = guarded([function] { return SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(function)); });
        if (!HeapTupleIsValid(tuple)) throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function with OID " + std::to_string(function) + " does not exist");
        const auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
        if (form->prokind != PROKIND_FUNCTION)
            unfit(function, "it is not a plain function", "Write it as a function, not as a procedure or an aggregate.");
        if (form->proretset) unfit(function, "it returns a set", "Return json, jsonb or void.");
        if (form->prorettype == TRIGGEROID || form->prorettype == EVENT_TRIGGEROID)
            unfit(function, "it is a trigger function", "Return json, jsonb or void.");
        // A function that is not volatile sees the database as of the caller's snapshot: without the mutation before it.
        if (form->provolatile != PROVOLATILE_VOLATILE)
            unfit(function, "it is not volatile", "Declare it VOLATILE, which is the default.");
        describe_parameters(tuple);
        guarded([this, function] { fmgr_info_cxt(function, &info_, context_); });
    } catch (...) {
        MemoryContextDelete(context_);
        throw;
    }
}

Mutator::~Mutator() { MemoryContextDelete(context_); }

void Mutator::describe_parameters(HeapTuple function) {
    struct Raw {
        int count;
        Oid* types;
        char** names;
        char* modes;
        List* defaults;
    };
    const Raw raw = guarded([&] {
        Raw r{};
        Oid* all_types;
        const int all = get_func_arg_info(function, &all_types, &r.names, &r.modes);
        // Only the input parameters; a function without OUT parameters has no modes.
        r.types = all_types;
        int n = 0;
        for (int i = 0; i < all; ++i) {
            if (r.modes != nullptr && r.modes[i] != PROARGMODE_IN && r.modes[i] != PROARGMODE_INOUT && r.modes[i] != PROARGMODE_VARIADIC)
                continue;
            r.types[n] = all_types[i];
            if (r.names != nullptr) r.names[n] = r.names[i];
            ++n;
        }
        r.count = n;
        bool null;
        const Datum defaults = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proargdefaults, &null);
        if (!null) {
            const MemoryContext outer = MemoryContextSwitchTo(context_);
            r.defaults = static_cast<List*>(stringToNode(TextDatumGetCString(defaults)));
            MemoryContextSwitchTo(outer);
        }
        return r;
    });
    for (int i = 0; i < raw.count; ++i)
        if (guarded([type = raw.types[i]] { return get_typtype(type); }) == TYPTYPE_PSEUDO)
            unfit(function_, "it has a parameter of a pseudo-type", "Declare parameters of plain types.");
    if (raw.count == 1 && (raw.types[0] == JSONOID || raw.types[0] == JSONBOID)) {
        whole_args_ = true;
        parameters_.push_back({"", raw.types[0], nullptr});
        return;
    }
    const int first_default = raw.count - list_length(raw.defaults);
    for (int i = 0; i < raw.count; ++i) {
        if (raw.names == nullptr || raw.names[i] == nullptr || *raw.names[i] == '\0')
            unfit(function_, "it has a parameter without a name", "Name its parameters after the members of args, or declare one parameter of type jsonb.");
        parameters_.push_back({raw.names[i], raw.types[i],
                               i < first_default ? nullptr : static_cast<Node*>(list_nth(raw.defaults, i - first_default))});
    }
    guarded([this] {
        const MemoryContext outer = MemoryContextSwitchTo(context_);
        row_ = CreateTemplateTupleDesc(static_cast<int>(parameters_.size()));
        for (std::size_t i = 0; i < parameters_.size(); ++i)
            TupleDescInitEntry(row_, static_cast<AttrNumber>(i + 1), parameters_[i].name.c_str(), parameters_[i].type, -1, 0);
        BlessTupleDesc(row_);
        // json_populate_record learns from the call expression that its first argument is a record.
        fmgr_info_cxt(F_JSON_POPULATE_RECORD, &populate_, context_);
        Const* record = makeNullConst(RECORDOID, -1, InvalidOid);
        Const* json = makeNullConst(JSONOID, -1, InvalidOid);
        populate_.fn_expr = reinterpret_cast<fmNodePtr>(makeFuncExpr(
            F_JSON_POPULATE_RECORD, RECORDOID, list_make2(record, json), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
        MemoryContextSwitchTo(outer);
    });
}

void Mutator::check_privilege() const {
    if (!guarded([this] { return pg::may_execute(function_); }))
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for function " + name_, {},
                       "Grant EXECUTE on it to the calling role.");
}

void Mutator::fill_by_name(std::string_view args, FunctionCallInfo call) {
    if (args.empty() || args == "null") args = "{}";
    const MemberNames members = member_names(args);
    if (!members.is_object)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "args of mutator " + name_ + " must be an object", {},
                       "Its members fill the parameters by name.");
    std::vector<bool> given(parameters_.size());
    for (int i = 0; i < list_length(members.names); ++i) {
        const std::string_view member = static_cast<const char*>(list_nth(members.names, i));
        const auto parameter = std::find_if(parameters_.begin(), parameters_.end(), [member](const Parameter& p) { return p.name == member; });
        if (parameter == parameters_.end())
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "mutator " + name_ + " has no parameter \"" + std::string(member) + "\"");
        given[static_cast<std::size_t>(parameter - parameters_.begin())] = true;
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        if (!given[i] && parameters_[i].default_value == nullptr)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "args of mutator " + name_ + " lack \"" + parameters_[i].name + "\"");

    struct Default {
        bool wanted;
        Node* expression;
    };
    const std::size_t n = parameters_.size();
    if (n == 0) return;
    std::vector<Default> defaults(n);
    for (std::size_t i = 0; i < n; ++i) defaults[i] = {!given[i], parameters_[i].default_value};

    guarded([&, wanted = defaults.data()] {
        auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * n));
        auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * n));
        std::memset(nulls, true, n);
        ExprContext* expressions = nullptr;
        for (std::size_t i = 0; i < n; ++i) {
            if (!wanted[i].wanted) continue;
            if (expressions == nullptr) expressions = CreateStandaloneExprContext();
            Expr* expression = expression_planner(static_cast<Expr*>(copyObjectImpl(wanted[i].expression)));
            values[i] = ExecEvalExprSwitchContext(ExecInitExpr(expression, nullptr), expressions, &nulls[i]);
            if (!nulls[i]) values[i] = datumCopy(values[i], TupleDescAttr(row_, i)->attbyval, TupleDescAttr(row_, i)->attlen);
        }
        if (expressions != nullptr) FreeExprContext(expressions, true);

        // What json_populate_record keeps for itself is as old as this call: parameter types may change between pushes.
        FmgrInfo populate = populate_;
        populate.fn_extra = nullptr;
        populate.fn_mcxt = CurrentMemoryContext;
        const Datum defaults_row = HeapTupleGetDatum(heap_form_tuple(row_, values, nulls));
        const Datum json = PointerGetDatum(cstring_to_text_with_len(args.data(), static_cast<int>(args.size())));
        HeapTupleHeader const filled = DatumGetHeapTupleHeader(FunctionCall3(&populate, defaults_row, json, BoolGetDatum(false)));
        HeapTupleData tuple{};
        tuple.t_len = HeapTupleHeaderGetDatumLength(filled);
        tuple.t_data = filled;
        heap_deform_tuple(&tuple, row_, values, nulls);
        for (std::size_t i = 0; i < n; ++i) call->args[i] = {values[i], nulls[i]};
    });
}

void Mutator::call(std::string_view args) {
    FunctionCallInfo const call = guarded([this] {
        const int n = static_cast<int>(parameters_.size());
        auto* result = static_cast<FunctionCallInfo>(palloc0(SizeForFunctionCallInfo(n)));
        InitFunctionCallInfoData(*result, &info_, n, InvalidOid, nullptr, nullptr);
        return result;
    });
    // So that defaults, domain checks and the function itself see the mutation before this one.
    guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    if (whole_args_) {
        if (args.empty()) args = "null";
        guarded([&] {
            Datum json = PointerGetDatum(cstring_to_text_with_len(args.data(), static_cast<int>(args.size())));
            // The request has passed json's input function, jsonb has its own.
            if (parameters_[0].type == JSONBOID) json = DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(json)));
            call->args[0] = {json, false};
        });
    } else {
        fill_by_name(args, call);
    }
    guarded([&] {
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

namespace {

// The function of that signature, InvalidOid when there is none: whoever calls, EXECUTE alone decides.
Oid resolve(const std::string& signature) {
    const AsOwner owner;
    Oid function = InvalidOid;
    // Before 16, to_regprocedure raises when a type or schema in the signature is gone.
    auto error = pg::attempt([&] {
        function = guarded([text = signature.c_str()] {
            LOCAL_FCINFO(call, 1);
            InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
            call->args[0] = {CStringGetTextDatum(text), false};
            const Datum result = to_regprocedure(call);
            return call->isnull ? InvalidOid : DatumGetObjectId(result);
        });
    });
    if (error && error->sqlerrcode() != ERRCODE_UNDEFINED_OBJECT && error->sqlerrcode() != ERRCODE_UNDEFINED_SCHEMA)
        throw std::move(*error);
    return function;
}

}  // namespace

std::shared_ptr<Mutator> find_mutator(const std::string& name) {
    if (!mutators_valid) {
        mutators.clear();
        registry = pg::own_relation("mutator");
        mutators_valid = true;  // before reading: an invalidation that arrives meanwhile must not be lost
    }
    if (const auto it = mutators.find(name); it != mutators.end()) return it->second;

    static pg::Statement query("SELECT function FROM replicache.mutator WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    std::optional<std::string> signature;
    {
        const SpiConnection spi;
        const AsOwner owner;
        const pg::Rows rows = query.run({value(name)});
        if (!rows.empty()) signature = rows.text(0, 1);
    }
    if (!signature)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "unknown mutator \"" + name + "\"", {},
                       "Register it by replicache.register_mutator.");
    const Oid function = resolve(*signature);
    if (function == InvalidOid)
        throw SqlError(ERRCODE_UNDEFINED_FUNCTION, "function " + *signature + " of mutator \"" + name + "\" does not exist", {},
                       "Create it, or register another function under that name.");
    auto mutator = std::make_shared<Mutator>(function);
    mutators[name] = mutator;
    return mutator;
}

void register_mutator(const std::string& name, Oid function) {
    if (name.empty()) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "the name of a mutator must not be empty");
    const Mutator check(function);
    if (!guarded([function] { return pg::owns_function(function); }))
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "must be owner of function " + signature_of(function));
    static pg::Statement store(
        "INSERT INTO replicache.mutator (name, function) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET function = excluded.function",
        {TEXTOID, TEXTOID});
    const SpiConnection spi;
    const AsOwner owner;
    store.run({value(name), value(signature_of(function))});
}

void unregister_mutator(const std::string& name) {
    static pg::Statement remove("DELETE FROM replicache.mutator WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const SpiConnection spi;
    const AsOwner owner;
    if (remove.run({value(name)}).count() == 0)
        throw SqlError(ERRCODE_UNDEFINED_OBJECT, "mutator \"" + name + "\" is not registered");
}

void register_mutator_callbacks() {
    guarded([] {
        CacheRegisterRelcacheCallback(at_registry_change, 0);
        CacheRegisterSyscacheCallback(PROCOID, at_function_change, 0);
    });
}

}  // namespace replicache::engine
