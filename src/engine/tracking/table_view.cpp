#include "engine/tracking/table_view.h"

#include "engine/replicache/pull_answer.h"
#include "engine/table/canonical_space.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/array.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"

extern "C" {
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
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

}  // namespace

std::vector<std::shared_ptr<TableView>> lock_table_views() {
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
      space_name_(SpaceName::of(table)),
      storage_(lock_to_read(table.relation)),
      from_(from_clause(table)),
      watched_{table.relation, qualified_name(table.relation), KeyTemplate::parse(table.key).columns()} {
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
    for (const std::string& name : space_name_.columns()) {
        const Column& space = find(name);
        // Under a nondeterministic collation, spaces that differ would compare equal.
        const bool exact = space.collation == InvalidOid || guarded([&space] { return get_collation_isdeterministic(space.collation); });
        space_columns_.push_back({guarded([&space] { return getBaseType(space.type); }), exact});
    }
    for (const std::string& name : table.columns) columns_.push_back(find(name).name);
    if (table.value.empty() && table.columns.empty())
        for (const Column& column : columns)
            if (column.name != table.version && column.name != table.deleted) columns_.push_back(column.name);

    const KeyTemplate key = KeyTemplate::parse(table.key);
    for (const std::string& column : columns_) types_.push_back(find(column).type);
    int next = value_columns();
    key_.emplace(
        key,
        [&](const std::string& name) {
            types_.push_back(find(name).type);
            return Key::Column{static_cast<AttrNumber>(++next), types_.back()};
        });

    context_.reset(guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache table view", ALLOCSET_SMALL_SIZES); }));
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        pg::JsonWriter& writer = writers_.emplace_back();
        guarded([&, type = types_[i]] { writer.prepare(type, context_.get()); });
    }
}

std::string TableView::sql(Query query, Where where) const {
    std::string list;
    if (query == Query::soft_deleted || (table_.value.empty() && columns_.empty())) {
    } else if (table_.value.empty()) {
        for (const std::string& column : columns_) list += "t." + pg::quote_identifier(column) + ", ";
    } else {
        // The line break ends a comment in the expression.
        list = "(" + table_.value + "\n), ";
    }
    for (const std::string& column : watched_.key) list += "t." + pg::quote_identifier(column) + ", ";
    list.resize(list.size() - 2);

    std::string text = "SELECT " + list + from_ + " WHERE true";
    const std::string version = "t." + pg::quote_identifier(table_.version);
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
    if (!table_.deleted.empty())
        text += " AND t." + pg::quote_identifier(table_.deleted) + (query == Query::soft_deleted ? " IS TRUE" : " IS NOT TRUE");
    return text;
}

// The type of the first parameter: the version to start after, or a list of versions.
Oid TableView::first_type(Where where) { return where == Where::listed ? INT8ARRAYOID : INT8OID; }

const pg::Plan& TableView::plan(Query query, Where where) {
    pg::Plan& plan = plans_[static_cast<std::size_t>(query)][static_cast<std::size_t>(where)];
    if (plan) return plan;
    std::vector<Oid> types{first_type(where), INT8OID};
    for (const SpaceColumn& column : space_columns_) types.push_back(column.type);
    plan = pg::Plan(sql(query, where), types, where == Where::all ? 0 : CURSOR_OPT_GENERIC_PLAN);
    return plan;
}

void TableView::check() { plan(Query::everything, Where::all); }

// Takes the rows from the executor as they come, and writes them into the result: no copy in between.
struct TableView::Output {
    DestReceiver receiver;  // first, so that a pointer to it is one to us
    TableView* view;
    StringInfo out;
    bool values;           // put operations, or del operations of keys only
    pg::JsonWriter value;  // of a value expression
    MemoryContext row;     // reset for each row
    StringInfoData key;
};

// In here and in receive nothing may have a destructor: errors go straight through to the guard around the executor.
//
// PostgreSQL has planned the query for the table as it is now. That is not as we know it when the pull itself has altered it.
void TableView::start(DestReceiver* self, int, TupleDesc descriptor) {
    Output& output = *reinterpret_cast<Output*>(self);
    const TableView& view = *output.view;
    const int own = view.table_.value.empty() ? view.value_columns() : 0;     // columns of the default value
    const int first = output.values ? 0 : own;                                // of types_
    const int skipped = output.values && !view.table_.value.empty() ? 1 : 0;  // the value
    bool same = descriptor->natts - skipped == static_cast<int>(view.types_.size()) - first;
    for (int i = skipped; i < descriptor->natts && same; ++i)
        same = TupleDescAttr(descriptor, i)->atttypid == view.types_[first + i - skipped];
    if (!same) raise_changed(view.table_.relation);
    if (skipped == 0) return;
    const Oid type = TupleDescAttr(descriptor, 0)->atttypid;
    if (type != JSONOID && type != JSONBOID)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the value is of type %s, not json or jsonb", format_type_be(type))));
    output.value.prepare(type, CurrentMemoryContext);
}

bool TableView::receive(TupleTableSlot* slot, DestReceiver* self) {
    Output& output = *reinterpret_cast<Output*>(self);
    TableView& view = *output.view;
    StringInfo const out = output.out;
    slot_getallattrs(slot);
    const MemoryContext outer = MemoryContextSwitchTo(output.row);

    const int value_columns = view.value_columns();
    const int shift = output.values ? 0 : value_columns;
    resetStringInfo(&output.key);
    view.key_->append(
        &output.key,
        [slot, shift](AttrNumber column, bool* null) {
            *null = slot->tts_isnull[column - 1 - shift];
            return slot->tts_values[column - 1 - shift];
        });
    const auto append = [out](std::string_view text) { appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size())); };
    append(output.values ? patch_text::put : patch_text::del);
    pg::append_json_string(out, {output.key.data, static_cast<std::size_t>(output.key.len)});
    if (output.values) {
        append(patch_text::value);
        if (!view.table_.value.empty()) {
            output.value.append(out, slot->tts_values[0], slot->tts_isnull[0]);
        } else {
            char separator = '{';
            for (int i = 0; i < value_columns; ++i) {
                appendStringInfoCharMacro(out, separator);
                pg::append_json_string(out, view.columns_[i]);
                appendStringInfoCharMacro(out, ':');
                view.writers_[i].append(out, slot->tts_values[i], slot->tts_isnull[i]);
                separator = ',';
            }
            if (value_columns == 0) appendStringInfoCharMacro(out, '{');
            appendStringInfoCharMacro(out, '}');
        }
    }
    append(patch_text::end);
    MemoryContextSwitchTo(outer);
    MemoryContextReset(output.row);
    return true;
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

void TableView::append_patch(StringInfo out, Query query, const Versions& versions, std::string_view space) {
    const auto values = space_values(space);
    if (!values) return;
    if (query == Query::everything) return append_rows(out, query, Where::all, versions, *values);
    append_rows(out, query, Where::range, versions, *values);
    if (!versions.also.empty()) append_rows(out, query, Where::listed, versions, *values);
}

void TableView::append_rows(StringInfo out, Query query, Where where, const Versions& versions, const std::vector<Datum>& space) {
    if (!views_validity && storage_.is_newer_than(GetActiveSnapshot())) guarded([this] { raise_changed(table_.relation); });
    SPIPlanPtr plan = nullptr;
    try {
        plan = this->plan(query, where).get();
    } catch (pg::PgError& error) {
        explain(error, watched_, Fault::table);
        throw;
    }
    const pg::Value first = where == Where::listed ? pg::value(pg::int8_array(versions.also)) : pg::value(versions.since);
    int code = 0;
    RowWatch(watched_, plan).run([&] {
        Output output{};
        output.receiver.receiveSlot = receive;
        output.receiver.rStartup = start;
        output.receiver.rShutdown = [](DestReceiver*) {};
        output.receiver.rDestroy = [](DestReceiver*) {};
        output.receiver.mydest = DestNone;
        output.view = this;
        output.out = out;
        output.values = query != Query::soft_deleted;
        output.row = AllocSetContextCreate(CurrentMemoryContext, "replicache row", ALLOCSET_DEFAULT_SIZES);
        initStringInfo(&output.key);

        ParamListInfo const parameters = makeParamList(static_cast<int>(space.size()) + 2);
        parameters->params[0] = {first.datum, false, PARAM_FLAG_CONST, first_type(where)};
        parameters->params[1] = {Int64GetDatum(versions.until), false, PARAM_FLAG_CONST, INT8OID};
        for (std::size_t i = 0; i < space.size(); ++i)
            parameters->params[i + 2] = {space[i], false, PARAM_FLAG_CONST, space_columns_[i].type};
        SPIExecuteOptions options{};
        options.params = parameters;
        options.read_only = true;
        options.dest = &output.receiver;
        code = SPI_execute_plan_extended(plan, &options);
        MemoryContextDelete(output.row);
    });
    if (code < 0) throw SqlError(ERRCODE_INTERNAL_ERROR, std::string("SPI_execute_plan failed: ") + SPI_result_code_string(code));
}

}  // namespace replicache::engine
