#include "engine/describe/value_shape.h"

#include "base/sqlstate.h"
#include "pg/subtransaction.h"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

const char* text_of(const void* string) { return static_cast<const String*>(string)->sval; }

// Reads the tree of the parser. It raises no errors, but for what is guarded.
class Reader {
public:
    explicit Reader(const ValueShape& row) : row_(row) {}

    // As JSON: what to_json makes of the value.
    ValueShape read(const Node* node) const {
        guarded([] {
            check_stack_depth();
            CHECK_FOR_INTERRUPTS();
        });
        switch (nodeTag(node)) {
            case T_ColumnRef: return column(*reinterpret_cast<const ColumnRef*>(node));
            case T_A_Const: return constant(*reinterpret_cast<const A_Const*>(node));
            case T_TypeCast: return cast(*reinterpret_cast<const TypeCast*>(node));
            case T_FuncCall: return call(*reinterpret_cast<const FuncCall*>(node));
            case T_A_Expr: return expression(*reinterpret_cast<const A_Expr*>(node));
            case T_CoalesceExpr: return coalesce(*reinterpret_cast<const CoalesceExpr*>(node));
            case T_NullTest:
            case T_BooleanTest: return ValueShape::scalar(BOOLOID, false);
            case T_BoolExpr: return ValueShape::scalar(BOOLOID, true);
            default: return {};
        }
    }

private:
    static std::string name(const List* names) { return text_of(llast(const_cast<List*>(names))); }

    ValueShape column(const ColumnRef& reference) const {
        const int length = list_length(reference.fields);
        const auto is_row = [](const void* field) { return std::strcmp(text_of(field), "t") == 0; };
        const Node* const last = static_cast<const Node*>(llast(reference.fields));
        if (length > 2 || !IsA(last, String) || (length == 2 && !is_row(linitial(reference.fields)))) return {};
        const std::string wanted = text_of(last);
        for (const ValueShape::Member& member : row_.members)
            if (member.name == wanted) return member.value;
        return length == 1 && is_row(last) ? row_ : ValueShape();
    }

    static ValueShape constant(const A_Const& constant) {
        if (constant.isnull) return {};
        switch (nodeTag(&constant.val)) {
            case T_Integer: return ValueShape::scalar(INT4OID, false);
            case T_Float: return ValueShape::scalar(NUMERICOID, false);
            case T_Boolean: return ValueShape::scalar(BOOLOID, false);
            case T_String: return ValueShape::scalar(TEXTOID, false);
            default: return {};
        }
    }

    ValueShape cast(const TypeCast& cast) const {
        const ValueShape from = read(cast.arg);
        const Oid type = guarded([&cast] { return LookupTypeNameOid(nullptr, cast.typeName, true); });
        if (type == InvalidOid) return {};
        if (type != JSONOID && type != JSONBOID) return ValueShape::scalar(type, from.nullable);
        return from.is_object || from.type == JSONOID || from.type == JSONBOID ? from : ValueShape();
    }

    ValueShape call(const FuncCall& call) const {
        const std::string function = name(call.funcname);
        const int length = list_length(call.args);
        const bool plain = list_length(call.funcname) == 1 || std::strcmp(text_of(linitial(call.funcname)), "pg_catalog") == 0;
        if (!plain || call.func_variadic || call.agg_distinct || call.agg_star || call.agg_order != NIL || call.over != nullptr) return {};
        if ((function == "to_jsonb" || function == "to_json" || function == "row_to_json") && length == 1)
            return read(static_cast<const Node*>(linitial(call.args)));
        if ((function == "jsonb_build_object" || function == "json_build_object") && length % 2 == 0) return object(call.args);
        return {};
    }

    ValueShape object(const List* arguments) const {
        ValueShape result = ValueShape::object();
        for (int i = 0; i < list_length(arguments); i += 2) {
            const auto key = text(static_cast<const Node*>(list_nth(arguments, i)));
            if (!key) return {};
            result.set(*key, read(static_cast<const Node*>(list_nth(arguments, i + 1))));
        }
        return result;
    }

    // `object - 'member'` and `object || object`
    ValueShape expression(const A_Expr& expression) const {
        if (expression.kind != AEXPR_OP || list_length(expression.name) != 1 || expression.lexpr == nullptr) return {};
        ValueShape left = read(expression.lexpr);
        if (!left.is_object) return {};
        if (name(expression.name) == "-") {
            const auto removed = text(expression.rexpr);
            if (!removed) return {};
            std::erase_if(left.members, [&](const ValueShape::Member& member) { return member.name == *removed; });
            return left;
        }
        ValueShape right = read(expression.rexpr);
        if (name(expression.name) != "||" || !right.is_object) return {};
        left.nullable |= right.nullable;
        for (ValueShape::Member& member : right.members) left.set(member.name, std::move(member.value));
        return left;
    }

    // Of the first argument that is no literal: PostgreSQL reads literals as its type, and converts the others to it, or it to a wider type
    // of numbers.
    ValueShape coalesce(const CoalesceExpr& coalesce) const {
        ValueShape result;
        bool is_literal = true;
        for (int i = 0; i < list_length(coalesce.args); ++i) {
            const Node* const node = static_cast<const Node*>(list_nth(coalesce.args, i));
            const ValueShape argument = read(node);
            if (argument.is_object || argument.type == InvalidOid) return {};
            if (is_literal) result.type = argument.type;
            is_literal = is_literal && IsA(node, A_Const);
            result.nullable = result.nullable && argument.nullable;
        }
        return result;
    }

    static std::optional<std::string> text(const Node* node) {
        if (IsA(node, TypeCast)) {  // 'name'::text
            const auto& cast = *reinterpret_cast<const TypeCast*>(node);
            if (guarded([&cast] { return LookupTypeNameOid(nullptr, cast.typeName, true); }) != TEXTOID) return std::nullopt;
            node = cast.arg;
        }
        if (!IsA(node, A_Const)) return std::nullopt;
        const auto& constant = *reinterpret_cast<const A_Const*>(node);
        if (constant.isnull || nodeTag(&constant.val) != T_String) return std::nullopt;
        return std::string(constant.val.sval.sval);
    }

    const ValueShape& row_;
};

// Whether a value of the type may be null.
bool may_be_null(Oid type) {
    return guarded([type]() mutable {
        for (;;) {
            HeapTuple const tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
            if (!HeapTupleIsValid(tuple)) return true;
            const FormData_pg_type form = *reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
            ReleaseSysCache(tuple);
            if (form.typtype != TYPTYPE_DOMAIN) return true;
            if (form.typnotnull) return false;
            type = form.typbasetype;
        }
    });
}

// All columns of the table.
ValueShape shape_of_row(Oid table) {
    ValueShape row = ValueShape::object();
    Relation const relation = guarded([table] { return relation_open(table, AccessShareLock); });
    for (int i = 0; i < relation->rd_att->natts; ++i) {
        const FormData_pg_attribute& attribute = *TupleDescAttr(relation->rd_att, i);
        if (!attribute.attisdropped)
            row.set(NameStr(attribute.attname),
                    ValueShape::scalar(attribute.atttypid, !attribute.attnotnull && may_be_null(attribute.atttypid)));
    }
    guarded([relation] { relation_close(relation, NoLock); });
    return row;
}

ValueShape shape_of_columns(const TrackedTable& table, const ValueShape& row) {
    ValueShape result = ValueShape::object();
    if (table.columns.empty()) {
        for (const ValueShape::Member& column : row.members)
            if (column.name != table.version && column.name != table.deleted) result.set(column.name, column.value);
        return result;
    }
    for (const std::string& name : table.columns)
        for (const ValueShape::Member& column : row.members)
            if (column.name == name) result.set(name, column.value);
    return result;
}

}  // namespace

ValueShape::ValueShape() = default;

ValueShape ValueShape::scalar(Oid type, bool nullable) {
    ValueShape shape;
    shape.type = type;
    shape.nullable = nullable;
    return shape;
}

ValueShape ValueShape::object() {
    ValueShape shape;
    shape.nullable = false;
    shape.is_object = true;
    return shape;
}

void ValueShape::set(const std::string& name, ValueShape value) {
    std::erase_if(members, [&name](const Member& member) { return member.name == name; });
    members.push_back({name, std::move(value)});
}

ValueShape shape_of_value(const TrackedTable& table) {
    ValueShape result;
    // An error says that there is no such table or type any more. Pulls will say so.
    auto error = pg::attempt([&] {
        const ValueShape row = shape_of_row(table.relation);
        if (table.value.empty()) {
            result = shape_of_columns(table, row);
            return;
        }
        const std::string query = "SELECT (" + table.value + "\n)";
        List* const statements = guarded([&query] { return raw_parser(query.c_str(), RAW_PARSE_DEFAULT); });
        const auto* select = reinterpret_cast<const SelectStmt*>(linitial_node(RawStmt, statements)->stmt);
        result = Reader(row).read(linitial_node(ResTarget, select->targetList)->val);
    });
    if (!error) return result;
    if (sqlstate::is_temporary(error->sqlerrcode())) throw std::move(*error);
    return {};
}

}  // namespace replicache::engine
