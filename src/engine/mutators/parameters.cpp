#include "engine/mutators/parameters.h"

#include "engine/rows/reads_tables.h"
#include "pg/compat.h"
#include "pg/json/json_names.h"
#include "pg/json/json_text.h"

extern "C" {
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/regproc.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::JsonReader;
using pg::SqlError;
using Token = JsonReader::Token;

// The value of a default expression. Most defaults are constants, which need no executor.
Datum evaluate(Node* expression, Form_pg_attribute attribute, bool* null) {
    if (IsA(expression, Const)) {
        const auto* constant = reinterpret_cast<Const*>(expression);
        *null = constant->constisnull;
        return constant->constvalue;
    }
    ExprContext* context = CreateStandaloneExprContext();
    Expr* planned = expression_planner(static_cast<Expr*>(copyObjectImpl(expression)));
    Datum result = ExecEvalExprSwitchContext(ExecInitExpr(planned, nullptr), context, null);
    if (!*null) result = datumCopy(result, attribute->attbyval, attribute->attlen);
    FreeExprContext(context, true);
    return result;
}

[[noreturn]] void not_an_object(const std::string& function) {
    throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "args of " + function + " must be an object", {},
                   "Pass an object with the parameters by name.", pg::Defect::possible);
}

}  // namespace

std::string signature_of(Oid function) {
    return guarded([function] { return format_procedure_qualified(function); });
}

std::string name_of(Use use) { return use == Use::mutator ? "mutator" : "query"; }

[[noreturn]] void unfit(Use use, Oid function, const std::string& problem, const std::string& hint) {
    throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "function " + signature_of(function) + " cannot be a " + name_of(use) + ": " + problem, {},
                   hint, pg::Defect::certain);
}

void Parameters::describe(Use use, Oid function, HeapTuple tuple, MemoryContext context) {
    function_ = name_of(use) + " " + signature_of(function);
    context_ = context;
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
        const int all = get_func_arg_info(tuple, &all_types, &r.names, &r.modes);
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
        const Datum defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &null);
        if (!null) {
            const MemoryContext outer = MemoryContextSwitchTo(context_);
            r.defaults = static_cast<List*>(stringToNode(TextDatumGetCString(defaults)));
            MemoryContextSwitchTo(outer);
        }
        return r;
    });
    for (int i = 0; i < raw.count; ++i)
        if (guarded([type = raw.types[i]] { return get_typtype(type); }) == TYPTYPE_PSEUDO)
            unfit(use, function, "it has a parameter of a pseudo-type", "Declare parameters of plain types.");
    if (raw.count == 1 && (raw.types[0] == JSONOID || raw.types[0] == JSONBOID)) {
        whole_args_ = true;
        parameters_.push_back({.name = {}, .type = raw.types[0], .default_value = nullptr});
        return;
    }
    const int first_default = raw.count - list_length(raw.defaults);
    for (int i = 0; i < raw.count; ++i) {
        if (raw.names == nullptr || raw.names[i] == nullptr || *raw.names[i] == '\0')
            unfit(use, function, "it has a parameter without a name",
                  "Name its parameters after the members of args, or declare one parameter of type jsonb.");
        Node* const value = i < first_default ? nullptr : static_cast<Node*>(list_nth(raw.defaults, i - first_default));
        parameters_.push_back({.name = raw.names[i], .type = raw.types[i], .default_value = value});
        prepare(parameters_.back());
    }
    guarded([this] {
        const MemoryContext outer = MemoryContextSwitchTo(context_);
        row_ = CreateTemplateTupleDesc(static_cast<int>(parameters_.size()));
        for (std::size_t i = 0; i < parameters_.size(); ++i)
            TupleDescInitEntry(row_, static_cast<AttrNumber>(i + 1), parameters_[i].name.c_str(), parameters_[i].type, -1, 0);
        pg::complete(row_);
        BlessTupleDesc(row_);
        // json_populate_record learns from the call expression that its first argument is a record.
        fmgr_info_cxt(F_JSON_POPULATE_RECORD, &populate_, context_);
        Const* record = makeNullConst(RECORDOID, -1, InvalidOid);
        Const* json = makeNullConst(JSONOID, -1, InvalidOid);
        populate_.fn_expr = reinterpret_cast<Node*>(
            makeFuncExpr(F_JSON_POPULATE_RECORD, RECORDOID, list_make2(record, json), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
        MemoryContextSwitchTo(outer);
    });
}

// Types are divided as in prepare_column_cache of jsonfuncs.c. Only base types that are no arrays, and enums, are read by their input
// function here. The input function of a range caches its subtype, which may change between pushes. So ranges take the slow way, too.
void Parameters::prepare(Parameter& parameter) {
    guarded([&parameter, context = context_] {
        const char kind = get_typtype(parameter.type);
        parameter.direct = (kind == TYPTYPE_BASE && !type_is_array(parameter.type)) || kind == TYPTYPE_ENUM;
        if (!parameter.direct) return;
        Oid input;
        getTypeInputInfo(parameter.type, &input, &parameter.input_parameter);
        fmgr_info_cxt(input, &parameter.input, context);
    });
}

bool Parameters::are_safe() const {
    return guarded([this] {
        return std::all_of(
            parameters_.begin(), parameters_.end(),
            [](const Parameter& p) {
                return reads_no_table(p.type) && (p.default_value == nullptr || (cause_in_expression(p.default_value) == nullptr &&
                                                                                 !contain_volatile_functions(p.default_value)));
            });
    });
}

void Parameters::fill(std::string_view args, FunctionCallInfo call) {
    if (whole_args_) {
        fill_whole(args.empty() ? "null" : args, call);
        return;
    }
    if (args.empty() || args == "null") args = "{}";
    for (Parameter& parameter : parameters_) parameter.given = false;
    // An escape such as \u0000 may stand for a character that a text cannot hold. PostgreSQL's own JSON parser raises the error for it.
    const bool plain = args.find("\\u") == std::string_view::npos;
    plain ? read(args) : read_names(args);
    check_missing();
    if (plain && std::all_of(parameters_.begin(), parameters_.end(), [](const Parameter& p) { return p.direct || !p.given; }))
        fill_each(call);
    else
        populate(args, call);
}

void Parameters::fill_whole(std::string_view args, FunctionCallInfo call) {
    guarded([&, type = parameters_[0].type] {
        // The args are valid JSON already. Only jsonb needs its input function.
        call->args[0] = {type == JSONBOID ? pg::jsonb_datum(args) : pg::unguarded_text_datum(args), false};
    });
}

Parameters::Parameter& Parameters::find(std::string_view member) {
    const auto parameter = std::find_if(parameters_.begin(), parameters_.end(), [member](const Parameter& p) { return p.name == member; });
    if (parameter == parameters_.end())
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, function_ + " has no parameter \"" + std::string(member) + "\"", {}, {},
                       pg::Defect::possible);
    return *parameter;
}

void Parameters::read(std::string_view args) {
    JsonReader reader(args);
    if (reader.next() != Token::begin_object) not_an_object(function_);
    while (reader.next() == Token::name) {
        Parameter& parameter = find(pg::decode_name(reader.text()));
        parameter.given = true;
        parameter.token = reader.next();
        const std::string_view value = reader.value(parameter.token);
        parameter.value = parameter.token == Token::string ? reader.text() : value;
    }
}

void Parameters::read_names(std::string_view args) {
    const pg::MemberNames members = pg::member_names(args);
    if (!members.is_object) not_an_object(function_);
    for (int i = 0; i < list_length(members.names); ++i) find(static_cast<const char*>(list_nth(members.names, i))).given = true;
}

void Parameters::check_missing() const {
    for (const Parameter& parameter : parameters_)
        if (!parameter.given && parameter.default_value == nullptr)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "args of " + function_ + " lack \"" + parameter.name + "\"", {}, {},
                           pg::Defect::possible);
}

// Gives what populate_scalar in jsonfuncs.c makes of a member that is not null, but without its copies.
Datum Parameters::input(Parameter& parameter) {
    const bool is_string = parameter.token == Token::string;
    const std::string_view text = is_string ? pg::decode_string(parameter.value) : parameter.value;
    switch (parameter.type) {
        case TEXTOID:
        case VARCHAROID: return pg::unguarded_text_datum(text);
        case JSONOID:
        case JSONBOID: {
            if (!is_string) return parameter.type == JSONOID ? pg::unguarded_text_datum(text) : pg::jsonb_datum(text);
            StringInfoData quoted;
            initStringInfo(&quoted);
            pg::append_json_string(&quoted, text);
            const std::string_view json(quoted.data, static_cast<std::size_t>(quoted.len));
            return parameter.type == JSONOID ? pg::unguarded_text_datum(json) : pg::jsonb_datum(json);
        }
        default: return InputFunctionCall(&parameter.input, pnstrdup(text.data(), text.size()), parameter.input_parameter, -1);
    }
}

void Parameters::fill_each(FunctionCallInfo call) {
    guarded([&, parameters = parameters_.data(), n = count()] {
        for (int i = 0; i < n; ++i) {
            Parameter& p = parameters[i];
            NullableDatum& argument = call->args[i];
            argument = {0, false};
            if (!p.given)
                argument.value = evaluate(p.default_value, TupleDescAttr(row_, i), &argument.isnull);
            else if (p.token == Token::null)
                argument.isnull = true;
            else
                argument.value = input(p);
        }
    });
}

void Parameters::populate(std::string_view args, FunctionCallInfo call) const {
    guarded([&, parameters = parameters_.data(), n = count()] {
        auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * n));
        auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * n));
        for (int i = 0; i < n; ++i) {
            nulls[i] = true;
            if (!parameters[i].given) values[i] = evaluate(parameters[i].default_value, TupleDescAttr(row_, i), &nulls[i]);
        }
        // The cache of json_populate_record lives only as long as this call, because parameter types may change between pushes.
        FmgrInfo populate = populate_;
        populate.fn_extra = nullptr;
        populate.fn_mcxt = CurrentMemoryContext;
        const Datum defaults_row = HeapTupleGetDatum(heap_form_tuple(row_, values, nulls));
        const Datum json = pg::unguarded_text_datum(args);
        HeapTupleHeader const filled = DatumGetHeapTupleHeader(FunctionCall3(&populate, defaults_row, json, BoolGetDatum(false)));
        HeapTupleData tuple{};
        tuple.t_len = HeapTupleHeaderGetDatumLength(filled);
        tuple.t_data = filled;
        heap_deform_tuple(&tuple, row_, values, nulls);
        for (int i = 0; i < n; ++i) call->args[i] = {values[i], nulls[i]};
    });
}

}  // namespace replicache::engine
