#include "engine/tracking/bounds.h"

#include "engine/table/space_name.h"
#include "engine/tracking/trackable.h"
#include "pg/compat.h"
#include "pg/own_table.h"
#include "pg/spi.h"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/typcache.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::value;

// Column numbers of the table, in the order of their names.
struct Numbers {
    const AttrNumber* numbers;
    int count;
};

bool is_hash_function(const FuncExpr* call) {
    if (list_length(call->args) != 1) return false;
    return lookup_type_cache(exprType(static_cast<Node*>(linitial(call->args))), TYPECACHE_HASH_PROC)->hash_proc == call->funcid;
}

bool has_null(const Const* constant) {
    if (constant->constisnull) return true;
    return OidIsValid(get_element_type(constant->consttype)) && array_contains_nulls(DatumGetArrayTypeP(constant->constvalue));
}

// Whether there is anything but comparisons and hash functions. Those are never null if no column is. A constraint that is null counts as
// fulfilled, and would keep no rows out. Gives each column its place as number.
bool is_unknown(Node* node, void* context);

// PostgreSQL 15 declares it without parameters, which C++ takes for none.
const auto walker = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(is_unknown));

bool is_unknown(Node* node, void* context) {
    if (node == nullptr) return false;
    const Numbers& columns = *static_cast<const Numbers*>(context);
    switch (nodeTag(node)) {
        case T_Var: {
            auto* const column = reinterpret_cast<Var*>(node);
            const AttrNumber* const end = columns.numbers + columns.count;
            const AttrNumber* const place = std::find(columns.numbers, end, column->varattno);
            column->varattno = static_cast<AttrNumber>(place - columns.numbers + 1);
            return place == end;
        }
        case T_Const: return has_null(reinterpret_cast<Const*>(node));
        case T_OpExpr:
            if (!pg::is_comparison(reinterpret_cast<OpExpr*>(node)->opno)) return true;
            break;
        case T_ScalarArrayOpExpr:
            if (!pg::is_comparison(reinterpret_cast<ScalarArrayOpExpr*>(node)->opno)) return true;
            break;
        case T_FuncExpr:
            if (!is_hash_function(reinterpret_cast<FuncExpr*>(node))) return true;
            break;
        case T_List:
        case T_BoolExpr:
        case T_ArrayExpr:
        case T_RelabelType: break;
        default: return true;
    }
    return expression_tree_walker(node, walker, context);
}

}  // namespace

Bounds::Bounds(const TrackedTable& table) : is_private_(table.is_private), part_(table.part) {
    std::vector<std::string> names = KeyTemplate::parse(table.key).columns();
    for (std::string& name : SpaceName::of(table).columns()) names.push_back(std::move(name));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const std::vector<TableColumn> columns = columns_of(table.relation);
    std::vector<AttrNumber> numbers;
    for (const std::string& name : names) {
        const TableColumn* const column = find_column(columns, name);
        if (column == nullptr) return;
        types_.emplace_back(column->type, column->collation);
        numbers.push_back(guarded([&] { return get_attnum(table.relation, name.c_str()); }));
    }
    static pg::Statement query(
        R"(
            SELECT conbin::pg_catalog.text
            FROM pg_catalog.pg_constraint
            WHERE conrelid OPERATOR(pg_catalog.=) $1
              AND contype OPERATOR(pg_catalog.=) 'c'
              AND convalidated)",
        {OIDOID});
    const pg::Rows rows = query.run({value(ObjectIdGetDatum(table.relation))}, pg::Snapshot::latest);
    Numbers places{numbers.data(), static_cast<int>(numbers.size())};
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        guarded([this, &places, text = pg::required(rows.text(i, 1)).c_str()] {
            auto* const check = static_cast<Node*>(stringToNode(text));
            if (is_unknown(check, &places)) return;
            fix_opfuncids(check);
            checks_ = list_concat(checks_, make_ands_implicit(canonicalize_qual(reinterpret_cast<Expr*>(check), true)));
        });
}

bool Bounds::exclude(const Bounds& other) const {
    if (is_private_ != other.is_private_ || part_ != other.part_ || types_ != other.types_ || checks_ == NIL || other.checks_ == NIL)
        return false;
    return guarded([&] { return predicate_refuted_by(checks_, other.checks_, false); });
}

}  // namespace replicache::engine
