#include "engine/rows/row_writer.h"

#include "engine/table/relation.h"
#include "engine/table/tracked_table.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/invalidation.h"
#include "pg/json_reader.h"
#include "pg/json_text.h"
#include "pg/own_table.h"
#include "pg/scalar_text.h"

extern "C" {
#include "access/genam.h"
#include "storage/lmgr.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

[[noreturn]] void no_column(std::string_view name, const std::string& table) {
    throw SqlError(ERRCODE_UNDEFINED_COLUMN, "\"" + table + "\" has no column \"" + std::string(name) + "\" that clients may write", {}, {},
                   pg::Defect::possible);
}

// Partitions have keys of their own. Raises PostgreSQL errors.
bool may_have_deferrable_key(Relation relation) {
    if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) return true;
    ListCell* cell;
    foreach (cell, RelationGetIndexList(relation)) {
        Relation const index = index_open(lfirst_oid(cell), AccessShareLock);
        const FormData_pg_index& form = *index->rd_index;
        const bool deferrable = (form.indisunique || form.indisexclusion) && !form.indimmediate;
        index_close(index, AccessShareLock);
        if (deferrable) return true;
    }
    return false;
}

}  // namespace

RowWriter::RowWriter(const ExposedTable& table)
    : table_(table),
      storage_(table.relation),
      conflict_(conflict_by_name(table.conflict).value_or(Conflict::last_write)),
      relation_(pg::qualified_name(table.relation)),
      rows_of_it_(rows_of(table.relation)) {
    const auto tracked = tracked_table(table.relation);
    if (tracked && !tracked->deleted.empty()) deleted_ = pg::quote_identifier(tracked->deleted);
    context_ = guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache row writer", ALLOCSET_SMALL_SIZES); });
    Relation relation = nullptr;
    try {
        rows_context_ = guarded([this] { return AllocSetContextCreate(context_, "replicache waiting rows", ALLOCSET_DEFAULT_SIZES); });
        relation = guarded([&] { return relation_open(table.relation, AccessShareLock); });
        add_columns(relation);
        add_key(relation);
        find_operators();
        if (tracked)
            for (Column& column : columns_)
                if (column.name == pg::quote_identifier(tracked->version)) column.writable = false;
        can_judge_ = table_.conflict_column.empty() ||
                     std::any_of(
                         columns_.begin(), columns_.end(), [this](const Column& c) { return is_conflict_column(c) && c.writable; });
        if (std::all_of(columns_.begin(), columns_.end(), [](const Column& c) { return c.safe_input; })) set_wise_ = set_wise(relation);
        resource_ = resource_of(table);
        if (resource_) reader_ = std::make_unique<ResourceReader>(*resource_, storage_);
    } catch (...) {
        if (relation != nullptr) relation_close(relation, NoLock);
        MemoryContextDelete(context_);
        throw;
    }
    relation_close(relation, NoLock);
}

RowWriter::~RowWriter() {
    forget_forms();
    MemoryContextDelete(context_);
}

void RowWriter::add_columns(Relation relation) {
    for (int i = 0; i < relation->rd_att->natts; ++i) {
        const FormData_pg_attribute& attribute = *TupleDescAttr(relation->rd_att, i);
        if (attribute.attisdropped) continue;
        const std::string name = NameStr(attribute.attname);
        Column column{.client = name,
                      .name = pg::quote_identifier(name),
                      .number = attribute.attnum,
                      .type = attribute.atttypid,
                      .typmod = attribute.atttypmod,
                      .collation = attribute.attcollation,
                      .writable = attribute.attgenerated == '\0' && attribute.attidentity != ATTRIBUTE_IDENTITY_ALWAYS,
                      .always_assigned = attribute.attidentity == ATTRIBUTE_IDENTITY_ALWAYS,
                      .safe_input = is_safe_input(attribute.atttypid),
                      .assigned = attribute.atthasdef || attribute.attidentity != '\0'};
        if (table_.columns) {
            std::vector<std::string> names;
            for (const ExposedTable::Column& listed : *table_.columns)
                if (listed.name == name) names.push_back(listed.client);
            column.writable = !names.empty();
            if (column.writable) {
                column.client = names.front();
                column.aliases.assign(names.begin() + 1, names.end());
            }
        }
        column.input.prepare(column.client, attribute.atttypid, attribute.atttypmod, context_);
        columns_.push_back(std::move(column));
    }
}

void RowWriter::add_key(Relation relation) {
    const Oid oid = guarded([relation] { return pg::primary_key_index(relation); });
    if (!OidIsValid(oid))
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "exposed table \"" + name_of(table_.relation) + "\" has no primary key any more",
                       {}, {}, pg::Defect::certain);
    Relation const index = guarded([oid] { return index_open(oid, AccessShareLock); });
    for (int i = 0; i < index->rd_index->indnkeyatts; ++i) {
        const AttrNumber number = index->rd_index->indkey.values[i];
        const auto column = std::find_if(columns_.begin(), columns_.end(), [number](const Column& c) { return c.number == number; });
        const Oid type = index->rd_opcintype[i];
        const Oid equal = guarded([&] { return get_opfamily_member(index->rd_opfamily[i], type, type, BTEqualStrategyNumber); });
        const bool is_array = guarded([&] { return OidIsValid(get_element_type(getBaseType(column->type))); });
        const FormData_pg_attribute& attribute = *TupleDescAttr(relation->rd_att, number - 1);
        key_.push_back({.column = static_cast<std::size_t>(column - columns_.begin()),
                        .equals = pg::qualified_operator(equal),
                        .is_array = is_array,
                        .by_value = attribute.attbyval,
                        .length = attribute.attlen});
    }
    guarded([index] { index_close(index, NoLock); });
    may_have_deferrable_ = guarded([relation] { return may_have_deferrable_key(relation); });
}

RowWriter::Column* RowWriter::find(std::string_view client) {
    Column* found = nullptr;
    for (Column& column : columns_) {
        if (column.client != client && std::find(column.aliases.begin(), column.aliases.end(), client) == column.aliases.end()) continue;
        if (column.writable) return &column;
        found = &column;  // another may be called so: who is not listed goes by his own name
    }
    return found;
}

// Which of two values would count, nobody could tell.
void RowWriter::take_json(Column& column, std::string_view name, std::string_view json) const {
    if (!column.json.empty() && column.named != name)
        throw SqlError(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "a change of \"" + table_.name + "\" has both \"" + std::string(column.named) + "\" and \"" + std::string(name) + "\"",
            "They are names of the same column.", "Send one of them.");
    column.named = name;
    column.json = json;
}

pg::Value RowWriter::read_value(Column& column, std::string_view json) {
    pg::Value value;
    try {
        value.datum = column.input.read(json, &value.null);
    } catch (pg::PgError& error) {
        error.doubt();
        throw;
    }
    return value;
}

// Of an id or owner: what is no value of the column is in no row.
pg::Value RowWriter::read_known(Column& column, std::string_view json) {
    const auto is_no_value = [](int sqlstate) {
        const int category = ERRCODE_TO_CATEGORY(sqlstate);
        return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;  // of a domain
    };
    try {
        return read_value(column, json);
    } catch (const pg::PgError& error) {
        if (!is_no_value(error.sqlerrcode())) throw;
    } catch (const SqlError& error) {
        if (!is_no_value(error.sqlerrcode)) throw;
    }
    throw SqlError(no_owned_row, "no such row");
}

// "007" is not the user 7, whose rows would be written.
void RowWriter::check_owner(const Column& column, RowChange::Kind kind) const {
    const auto text = pg::ScalarText::of(column.type);
    if (!text)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH,
                       "column " + column.name + " of tracked table \"" + name_of(table_.relation) + "\" is of a type without a fixed text",
                       {}, "Call replicache.track_table again after changing a column that it was given.", pg::Defect::certain);
    if (pg::json_string(guarded([&] { return (*text)(column.value.datum); })) == owner_) return;
    if (kind != RowChange::Kind::insert) throw SqlError(no_owned_row, "no such row");
    throw SqlError(ERRCODE_INVALID_TEXT_REPRESENTATION, "column " + column.name + " cannot hold the user " + owner_);
}

// Somebody may have altered the table since it was exposed. The client is not to blame then.
void RowWriter::check_conflict_column() const {
    if (can_judge_) return;
    throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                   "changes of \"" + table_.name + "\" cannot be judged by \"" + table_.conflict_column + "\"",
                   "There is no such column that clients may write.",
                   "Call replicache.expose_crud again after renaming or dropping a column that it was given.");
}

// Of a name that comes twice, only the last value is read: a million of them would fill the memory.
void RowWriter::read_object(std::string_view object, bool keys_only, bool makes_owned) {
    for (Column& column : columns_) column.json = {};
    pg::for_each_member(object, [&](std::string_view name, std::string_view json) {
        Column* const column = find(name);
        const bool key = column != nullptr && is_key(*column);
        if (keys_only && !key) return;
        if (column == nullptr || !(column->writable || key) || is_owner(*column) || (makes_owned && key && column->assigned))
            no_column(name, table_.name);
        if (key && column->identified) return;  // by the id
        take_json(*column, name, json);
    });
    for (Column& column : columns_) {
        if (column.json.empty()) continue;
        column.value = read_value(column, column.json);
        column.given = true;
    }
}

void RowWriter::read(const RowChange& change) {
    // Checks of domains see the changes before this one.
    const bool safe = std::all_of(columns_.begin(), columns_.end(), [](const Column& c) { return c.safe_input; });
    if (!safe) guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    read_values(change);
    if (!safe) guarded([] { PopActiveSnapshot(); });
    kind_ = change.kind;
    bytes_ += change.data.size() + change.old.size();
}

// That a change's id is of: the key, of which an owner is no part; null: none.
RowWriter::Column* RowWriter::id_column() {
    if (owner_.empty() || resource_->composite) return key_.size() == 1 ? &columns_[key_[0].column] : find("id");
    const std::string name = pg::quote_identifier(resource_->key.front().name);
    return &*std::find_if(columns_.begin(), columns_.end(), [&name](const Column& c) { return c.name == name; });
}

// Which row, and which values for which columns.
void RowWriter::read_values(const RowChange& change) {
    for (Column& column : columns_) column.given = column.identified = column.old_given = false;
    if (change.kind != RowChange::Kind::insert && owner_.empty()) check_conflict_column();
    if (!change.id.empty()) {
        Column* const column = id_column();
        if (column != nullptr) {
            column->value = owner_.empty() ? read_value(*column, change.id) : read_known(*column, change.id);
            column->given = column->identified = true;
        }
    }
    read_object(change.data, change.kind == RowChange::Kind::remove,
                change.kind == RowChange::Kind::insert && !owner_.empty() && !resource_->composite);
    if (change.kind == RowChange::Kind::remove) read_object(change.old, true);
    if (conflict_ != Conflict::last_write && owner_.empty()) read_old(change);
    if (!owner_.empty())
        for (Column& column : columns_)
            if (is_owner(column)) {  // whatever the client says
                column.value = change.kind == RowChange::Kind::insert ? read_value(column, owner_) : read_known(column, owner_);
                column.given = true;
                check_owner(column, change.kind);
            }
    if (change.kind == RowChange::Kind::insert) return;  // keys may come from defaults
    for (const Key& key : key_)
        if (!columns_[key.column].given)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                           "a change of \"" + table_.name + "\" lacks \"" + columns_[key.column].client + "\"", {},
                           "It is part of the primary key.", pg::Defect::possible);
}

// What the client had before. It may know more than is written here.
void RowWriter::read_old(const RowChange& change) {
    for (Column& column : columns_) column.json = {};
    pg::for_each_member(change.old, [&](std::string_view name, std::string_view json) {
        Column* const column = find(name);
        if (column == nullptr || !column->writable || is_key(*column)) return;
        take_json(*column, name, json);
    });
    for (Column& column : columns_) {
        if (column.json.empty()) continue;
        column.old = read_value(column, column.json);
        column.old_given = true;
    }
}

bool RowWriter::is_owner(const Column& column) const { return !owner_.empty() && column.name == resource_->space; }

bool RowWriter::is_key(const Column& column) const {
    return std::any_of(
        key_.begin(), key_.end(), [&](const Key& k) { return &columns_[k.column] == &column; });
}

namespace {

struct Writers {
    std::unordered_map<std::string, std::shared_ptr<RowWriter>> by_name;
    std::vector<Oid> relations;  // the exposed tables, and the registries
    bool valid = false;
} writers;

const pg::RelationListener exposed_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || std::find(writers.relations.begin(), writers.relations.end(), relation) != writers.relations.end())
        writers.valid = false;
});
void at_catalog_change() noexcept { writers.valid = false; }
// The statements name schemas, and renaming one invalidates none of its tables.
const pg::CatalogListener schema_listener(NAMESPACEOID, at_catalog_change);
const pg::CatalogListener function_listener(PROCOID, at_catalog_change);
const pg::CatalogListener constraint_listener(CONSTROID, at_catalog_change);

}  // namespace

std::shared_ptr<RowWriter> find_row_writer(const std::string& name, LOCKMODE lock) {
    for (Oid locked = InvalidOid;;) {
        if (!writers.valid) {
            writers.by_name.clear();
            writers.relations = {pg::own_relation("exposed_table"), pg::own_relation("tracked_table")};
            writers.valid = true;  // before reading: an invalidation that arrives meanwhile must not be lost
        }
        const auto it = writers.by_name.find(name);
        std::shared_ptr<RowWriter> writer = it == writers.by_name.end() ? nullptr : it->second;
        const auto table = writer ? std::nullopt : exposed_table(name);
        const Oid relation = writer ? writer->relation() : table ? table->relation : InvalidOid;
        if (!writer) guarded([] { AcceptInvalidationMessages(); });  // what the registry knows, the catalog caches must know, too
        if (OidIsValid(relation) && relation != locked) {
            guarded([=] { LockRelationOid(relation, lock); });
            locked = relation;
            if (!writers.valid) continue;  // something has changed before we had the lock
        }
        if (!OidIsValid(relation) || (!writer && name_of(relation).empty()))
            throw SqlError(ERRCODE_UNDEFINED_TABLE, "table \"" + name + "\" is not exposed", {},
                           "Expose it by replicache.expose_crud; a queue of calls, by replicache.register_mutator_queue.",
                           pg::Defect::possible);
        if (!writer) {
            writers.relations.push_back(relation);
            writer = std::make_shared<RowWriter>(*table);
            if (writers.valid) writers.by_name[name] = writer;
        }
        return writer;
    }
}

std::shared_ptr<RowWriter> find_resource(const std::string& name, LOCKMODE lock) {
    try {
        auto writer = find_row_writer(name, lock);
        return writer->resource() == nullptr ? nullptr : writer;
    } catch (const SqlError& error) {
        if (error.sqlerrcode == ERRCODE_UNDEFINED_TABLE) return nullptr;
        throw;
    }
}

}  // namespace replicache::engine
