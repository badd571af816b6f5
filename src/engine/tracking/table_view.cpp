#include "engine/tracking/table_view.h"

#include "engine/table/canonical_space.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/array.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"
#include "pg/table.h"

extern "C" {
#include "parser/parse_oper.h"
#include "storage/lmgr.h"
#include "utils/rls.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::qualified_name;
using pg::SqlError;

// The views of all tracked tables. Any change of the registry or of a tracked table's definition rebuilds them.
std::vector<std::shared_ptr<TableView>> views;
std::vector<Oid> view_relations;  // the tables with their partitions, and the registry; in order
pg::Validity views_validity;
pg::TableState views_registry;  // the registry that they were made from

// The queries name schemas, and renaming one invalidates none of its tables.
const pg::CatalogListener schema_listener(
    NAMESPACEOID, []() noexcept { views_validity.end(); });

const pg::RelationListener definition_listener([](Oid relation) noexcept {
    if (pg::is_among(relation, view_relations)) views_validity.end();
});

void listen_to(const std::vector<Oid>& relations) {
    for (const Oid relation : relations)
        view_relations.insert(std::upper_bound(view_relations.begin(), view_relations.end(), relation), relation);
}

Oid lock_to_read(Oid relation) {
    guarded([relation] { LockRelationOid(relation, AccessShareLock); });
    return relation;
}

// The registry, with its tables locked. It is read again if it has changed while we waited for a lock.
std::vector<TrackedTable> lock_tracked_tables() {
    for (int attempt = 1;; ++attempt) {
        view_relations.clear();
        listen_to({pg::own_relation("tracked_table")});
        views_registry = pg::TableState("tracked_table");
        views_registry.await_messages();
        views_validity.begin();
        std::vector<TrackedTable> tables = tracked_tables();
        for (const TrackedTable& table : tables) listen_to({table.relation});
        for (const TrackedTable& table : tables) lock_to_read(table.relation);
        guarded([] { AcceptInvalidationMessages(); });  // what the registry knows, the catalog caches must know, too
        if (views_validity || attempt == 3) return tables;
    }
}

// As they were built last, or anew.
const std::vector<std::shared_ptr<TableView>>& table_views() {
    check_tracking();
    if (views_validity) return views;
    views.clear();
    views_validity.begin([] {
        for (const TrackedTable& table : lock_tracked_tables()) {
            if (guarded([&table] { return get_rel_name(table.relation) == nullptr; })) continue;  // dropped meanwhile
            views.push_back(std::make_shared<TableView>(table));
            listen_to(views.back()->storage().tables());
        }
    });
    return views;
}

// Types of extensions may have their operators elsewhere.
bool has_operators(Oid type) {
    return guarded([type] {
        const auto has = [type](const char* name) {
            char schema[] = "pg_catalog";
            List* const full = list_make2(makeString(schema), makeString(const_cast<char*>(name)));
            return OidIsValid(compatible_oper_opid(full, type, type, true));
        };
        return has("=") && has("<") && has(">");
    });
}

}  // namespace

std::vector<std::shared_ptr<TableView>> lock_table_views() {
    if (views_validity && pg::TableState("tracked_table") != views_registry) views_validity.end();
    std::vector<Oid> locked;
    for (;;) {
        // A copy: a value expression may itself pull.
        std::vector<std::shared_ptr<TableView>> all = table_views();
        std::vector<Oid> tables;
        for (const auto& view : all) tables.insert(tables.end(), view->storage().tables().begin(), view->storage().tables().end());
        if (tables == locked) return all;  // they were built under these locks
        for (const auto& view : all) view->storage().lock();
        if (views_validity) return all;
        locked = std::move(tables);
    }
}

TableView::TableView(const TrackedTable& table)
    : table_(table),
      key_template_(KeyTemplate::parse(table.key)),
      space_name_(SpaceName::of(table)),
      storage_(lock_to_read(table.relation)),
      from_(from_clause(table)),
      watched_{table.relation, qualified_name(table.relation), key_template_.columns()} {
    struct Column {
        std::string name;
        Oid type;
        Oid collation;
    };
    std::vector<Column> columns;
    Relation const relation = guarded([&] { return relation_open(table.relation, AccessShareLock); });
    for (int i = 0; i < relation->rd_att->natts; ++i) {
        Form_pg_attribute const attribute = TupleDescAttr(relation->rd_att, i);
        if (!attribute->attisdropped) columns.push_back({NameStr(attribute->attname), attribute->atttypid, attribute->attcollation});
    }
    guarded([&] { relation_close(relation, NoLock); });

    const auto find = [&](const std::string& name) -> const Column& {
        for (const Column& column : columns)
            if (column.name == name) return column;
        throw SqlError(ERRCODE_UNDEFINED_COLUMN,
                       "column \"" + name + "\" of tracked table " + qualified_name(table.relation) + " does not exist", {},
                       "Call replicache.track_table again after renaming or dropping a column that it was given.");
    };
    find(table.version);
    if (!table.deleted.empty()) find(table.deleted);
    // Under a nondeterministic collation, values that differ compare equal.
    const auto is_exact = [](const Column& column) {
        return column.collation == InvalidOid || guarded([&column] { return get_collation_isdeterministic(column.collation); });
    };
    const auto space_column = [&](const std::string& name) -> SpaceColumn {
        const Column& column = find(name);
        return {guarded([&column] { return getBaseType(column.type); }), is_exact(column)};
    };
    for (const std::string& name : space_name_.columns()) space_columns_.push_back(space_column(name));
    if (has_parts()) part_ = space_column(table.part);
    for (const std::string& name : table.columns) columns_.push_back(find(name).name);
    if (table.value.empty() && table.columns.empty())
        for (const Column& column : columns)
            if (column.name != table.version && column.name != table.deleted) columns_.push_back(column.name);

    for (const std::string& column : columns_) types_.push_back(find(column).type);
    const std::size_t columns_of_value = types_.size();
    int next = value_columns();
    key_.emplace(key_template_, [&](const std::string& name) {
        types_.push_back(find(name).type);
        compares_keys_ &= is_exact(find(name));
        return Key::Column{static_cast<AttrNumber>(++next), types_.back()};
    });

    for (std::size_t i = columns_of_value; i < types_.size(); ++i) {
        key_types_.push_back(guarded([type = types_[i]] { return getBaseType(type); }));
        key_arrays_.push_back(guarded([type = key_types_.back()] { return get_array_type(type); }));
        compares_keys_ &= has_operators(key_types_.back());
    }

    context_.reset(guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache table view", ALLOCSET_SMALL_SIZES); }));
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        pg::JsonWriter& writer = writers_.emplace_back();
        guarded([&, type = types_[i]] { writer.prepare(type, context_.get()); });
    }
}

std::string TableView::sql(Query query, Where where) const {
    std::string list;
    const bool keys_only = query == Query::soft_deleted || query == Query::keys || query == Query::gone;
    if (keys_only || (table_.value.empty() && columns_.empty())) {
    } else if (table_.value.empty()) {
        for (const std::string& column : columns_) list += "t." + pg::quote_identifier(column) + ", ";
    } else {
        // The line break ends a comment in the expression.
        list = "(" + table_.value + "\n), ";
    }
    for (const std::string& column : watched_.key) list += "t." + pg::quote_identifier(column) + ", ";
    const std::string version = "t." + pg::quote_identifier(table_.version);
    if (query == Query::keys) list += version + ", ";
    list.resize(list.size() - 2);

    std::string text = "SELECT " + list + from_ + " WHERE true";
    if (where == Where::listed) text += " AND " + version + " OPERATOR(pg_catalog.=) ANY ($1)";
    if (where == Where::range)
        // The upper bound says nothing new, but makes the planner see a range: for a lone inequality it expects a third of the
        // table, and would not use the index.
        text += " AND " + version + " OPERATOR(pg_catalog.>) $1 AND " + version + " OPERATOR(pg_catalog.<=) $2";
    for (std::size_t i = 0; i < space_columns_.size(); ++i) {
        const std::string space = "t." + pg::quote_identifier(space_name_.columns()[i]), parameter = "$" + std::to_string(i + 3);
        text += " AND " + space + " OPERATOR(pg_catalog.=) " + parameter;
        if (!space_columns_[i].exact) text += " AND " + space + " COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.=) " + parameter;
    }
    if (part_) {
        const std::string part = "t." + pg::quote_identifier(table_.part),
                          any = " OPERATOR(pg_catalog.=) ANY ($" + std::to_string(3 + space_columns_.size()) + ")";
        text += " AND " + part + any;
        if (!part_->exact) text += " AND " + part + " COLLATE pg_catalog.\"C\"" + any;
    }
    if (where == Where::named) text += named_rows();
    if (where == Where::after) text += rows_after();
    if (!table_.filter.empty()) text += " AND (" + table_.filter + "\n)";
    if (!table_.deleted.empty() && query != Query::gone)
        text += " AND t." + pg::quote_identifier(table_.deleted) + (query == Query::soft_deleted ? " IS TRUE" : " IS NOT TRUE");
    if (where == Where::first || where == Where::after) text += order();
    return text;
}

// The rows behind the one that the parameters behind those of the space name, a value for each column of the key.
std::string TableView::rows_after() const {
    std::string row, values;
    for (std::size_t i = 0; i < watched_.key.size(); ++i) {
        row += (i == 0 ? "t." : ", t.") + pg::quote_identifier(watched_.key[i]);
        values += (i == 0 ? "$" : ", $") + std::to_string(3 + space_columns_.size() + i);
    }
    return " AND ROW(" + row + ") OPERATOR(pg_catalog.>) ROW(" + values + ")";
}

std::string TableView::order() const {
    std::string list;
    for (const std::string& column : watched_.key)
        list += (list.empty() ? " ORDER BY t." : ", t.") + pg::quote_identifier(column) + " USING OPERATOR(pg_catalog.<)";
    return list;
}

// The rows whose columns of the key have the values of the parameters behind those of the space, an array for each column.
std::string TableView::named_rows() const {
    const std::vector<std::string>& columns = watched_.key;
    const auto parameter = [this](std::size_t i) { return "$" + std::to_string(3 + space_columns_.size() + i); };
    if (columns.size() == 1) return " AND t." + pg::quote_identifier(columns[0]) + " OPERATOR(pg_catalog.=) ANY (" + parameter(0) + ")";
    std::string arrays, names, condition;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::string name = "c" + std::to_string(i);
        arrays += (i == 0 ? "pg_catalog.unnest(" : ", pg_catalog.unnest(") + parameter(i) + ")";
        names += (i == 0 ? "" : ", ") + name;
        condition += (i == 0 ? "n." : " AND n.") + name + " OPERATOR(pg_catalog.=) t." + pg::quote_identifier(columns[i]);
    }
    return " AND EXISTS (SELECT FROM ROWS FROM (" + arrays + ") AS n(" + names + ") WHERE " + condition + ")";
}

// The type of the first parameter: the version to start after, or a list of versions.
Oid TableView::first_type(Where where) { return where == Where::listed ? INT8ARRAYOID : INT8OID; }

std::vector<Oid> TableView::parameter_types(Where where) const {
    std::vector<Oid> types{first_type(where), INT8OID};
    for (const SpaceColumn& column : space_columns_) types.push_back(column.type);
    if (part_) types.push_back(guarded([this] { return get_array_type(part_->type); }));
    if (where == Where::named) types.insert(types.end(), key_arrays_.begin(), key_arrays_.end());
    if (where == Where::after) types.insert(types.end(), key_types_.begin(), key_types_.end());
    return types;
}

// Of a page, only the first rows are wanted.
static int options(bool in_order, bool all) {
    if (in_order) return CURSOR_OPT_FAST_PLAN;
    return all ? 0 : CURSOR_OPT_GENERIC_PLAN;
}

const pg::Plan& TableView::plan(Query query, Where where) {
    pg::Plan& plan = plans_[static_cast<std::size_t>(query)][static_cast<std::size_t>(where)];
    if (plan) return plan;
    plan =
        pg::Plan(sql(query, where), parameter_types(where), options(where == Where::first || where == Where::after, where == Where::all));
    return plan;
}

void TableView::drop_stale_plans() {
    for (auto& plans : plans_)
        for (pg::Plan& plan : plans)
            if (plan && !plan.is_valid()) plan = {};
}

bool TableView::has_row_security() const {
    const auto applies = [](Oid relation) {
        return guarded([relation] { return check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED; });
    };
    if (applies(table_.relation)) return true;
    for (const auto& plans : plans_)
        for (const pg::Plan& plan : plans) {
            if (!plan) continue;
            const List* const relations = plan.source().relationOids;
            for (int i = 0; i < list_length(relations); ++i)
                if (applies(list_nth_oid(relations, i))) return true;
        }
    return false;
}

bool TableView::is_current() { return static_cast<bool>(views_validity); }

void TableView::check() {
    plan(Query::everything, Where::all);
    if (has_parts()) prepare_parts();
}

std::optional<std::vector<Datum>> TableView::space_values(std::string_view space) const {
    const auto texts = space_name_.match(space);
    if (!texts) return std::nullopt;
    std::vector<Datum> values;
    for (std::size_t i = 0; i < texts->size(); ++i) {
        const auto value = space_value(space_columns_[i].type, (*texts)[i]);
        if (!value) return std::nullopt;
        values.push_back(value->datum);
    }
    return values;
}

}  // namespace replicache::engine
