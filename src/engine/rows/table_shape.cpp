#include "engine/rows/table_shape.h"

#include "engine/table/relation.h"
#include "engine/table/tracked_table.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/spi.h"

extern "C" {
#include "access/genam.h"
#include "utils/typcache.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

// A table that is locked.
class OpenTable {
public:
    explicit OpenTable(Oid oid) {
        relation_ = guarded([oid] { return relation_open(oid, AccessShareLock); });
    }
    ~OpenTable() { relation_close(relation_, NoLock); }
    OpenTable(const OpenTable&) = delete;
    OpenTable& operator=(const OpenTable&) = delete;
    Relation get() const { return relation_; }

private:
    Relation relation_;
};

// Partitions have keys of their own. Raises PostgreSQL errors.
bool has_deferrable_key(Relation relation) {
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

// A table keeps working when it was exposed with a policy that this version does not know.
const ConflictPolicy& policy_of(const ExposedTable& table) {
    const ConflictPolicy* const policy = conflict_policy(table.conflict);
    return policy != nullptr ? *policy : *conflict_policy("last_write");
}

}  // namespace

TableShape::TableShape(const ExposedTable& exposed)
    : context(guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache table shape", ALLOCSET_SMALL_SIZES); })),
      table(exposed),
      storage(exposed.relation),
      policy(policy_of(exposed)),
      name(pg::qualified_name(exposed.relation)),
      rows(rows_of(exposed.relation)) {
    const OpenTable relation(table.relation);
    add_columns(relation.get());
    add_key(relation.get());
    if (policy.judges()) add_operators();
    has_safe_input = std::all_of(columns.begin(), columns.end(), [](const RowColumn& c) { return c.safe_input; });
    if (has_safe_input) set_wise = engine::set_wise(relation.get());
    resource = resource_of(table);
    mark_columns();
}

void TableShape::add_columns(Relation relation) {
    for (int i = 0; i < relation->rd_att->natts; ++i) {
        const FormData_pg_attribute& attribute = *TupleDescAttr(relation->rd_att, i);
        if (attribute.attisdropped) continue;
        const std::string column_name = NameStr(attribute.attname);
        RowColumn column{.client = column_name,
                         .name = pg::quote_identifier(column_name),
                         .number = attribute.attnum,
                         .type = attribute.atttypid,
                         .typmod = attribute.atttypmod,
                         .collation = attribute.attcollation,
                         .writable = attribute.attgenerated == '\0' && attribute.attidentity != ATTRIBUTE_IDENTITY_ALWAYS,
                         .always_assigned = attribute.attidentity == ATTRIBUTE_IDENTITY_ALWAYS,
                         .assigned = attribute.atthasdef || attribute.attidentity != '\0',
                         .safe_input = is_safe_input(attribute.atttypid)};
        if (table.columns) {
            std::vector<std::string> names;
            for (const ExposedTable::Column& listed : *table.columns)
                if (listed.name == column_name) names.push_back(listed.client);
            column.writable = !names.empty();
            if (column.writable) {
                column.client = names.front();
                column.aliases.assign(names.begin() + 1, names.end());
            }
        }
        column.input.prepare(column.client, attribute.atttypid, attribute.atttypmod, context.get());
        columns.push_back(std::move(column));
    }
}

void TableShape::add_key(Relation relation) {
    const Oid oid = guarded([relation] { return pg::primary_key_index(relation); });
    if (!OidIsValid(oid))
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "exposed table \"" + name_of(table.relation) + "\" has no primary key any more",
                       {}, {}, pg::Defect::certain);
    Relation const index = guarded([oid] { return index_open(oid, AccessShareLock); });
    for (int i = 0; i < index->rd_index->indnkeyatts; ++i) {
        const AttrNumber number = index->rd_index->indkey.values[i];
        const auto column = std::find_if(columns.begin(), columns.end(), [number](const RowColumn& c) { return c.number == number; });
        column->is_key = true;
        const Oid type = index->rd_opcintype[i];
        const Oid equal = guarded([&] { return get_opfamily_member(index->rd_opfamily[i], type, type, BTEqualStrategyNumber); });
        const bool is_array = guarded([&] { return OidIsValid(get_element_type(getBaseType(column->type))); });
        const FormData_pg_attribute& attribute = *TupleDescAttr(relation->rd_att, number - 1);
        key.push_back({.column = index_of(*column),
                       .equals = pg::qualified_operator(equal),
                       .is_equal = guarded([equal] { return get_opcode(equal); }),
                       .is_array = is_array,
                       .by_value = attribute.attbyval,
                       .length = attribute.attlen});
    }
    guarded([index] { index_close(index, NoLock); });
    may_have_deferrable_key = guarded([relation] { return has_deferrable_key(relation); });
}

void TableShape::add_operators() {
    for (RowColumn& column : columns) {
        const Oid type = guarded([&column] { return getBaseType(column.type); });
        const TypeCacheEntry* const entry = guarded([type] { return lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR); });
        if (OidIsValid(entry->eq_opr)) column.equals = pg::qualified_operator(entry->eq_opr);
        if (OidIsValid(entry->lt_opr)) column.less = pg::qualified_operator(entry->lt_opr);
        column.is_number = is_number(type);
    }
}

// Marks the columns that the settings of the table name.
void TableShape::mark_columns() {
    const auto tracked = tracked_table(table.relation);
    const auto quoted = [](const std::string& column) { return column.empty() ? "" : pg::quote_identifier(column); };
    const std::string version = tracked ? quoted(tracked->version) : "", conflict = quoted(table.conflict_column);
    const std::string owned = resource && !resource->composite ? quoted(resource->key.front().name) : "";
    if (tracked) deleted = quoted(tracked->deleted);
    for (RowColumn& column : columns) {
        if (column.name == version) column.writable = false;
        column.is_conflict = column.name == conflict;
        column.is_judged = conflict.empty() || column.is_conflict;
        column.marks_deleted = column.name == deleted;
        column.is_owner = resource && column.name == resource->space;
        if (column.name == owned) owned_id = &column;
    }
    can_judge =
        conflict.empty() || std::any_of(columns.begin(), columns.end(), [](const RowColumn& c) { return c.is_conflict && c.writable; });
    id = key.size() == 1 ? &columns[key.front().column] : find("id");
    if (resource && resource->composite) owned_id = id;
}

const RowColumn* TableShape::find(std::string_view client) const {
    const RowColumn* found = nullptr;
    for (const RowColumn& column : columns) {
        if (column.client != client && std::find(column.aliases.begin(), column.aliases.end(), client) == column.aliases.end()) continue;
        if (column.writable) return &column;
        found = &column;  // one that is not listed has its own name, which another may have been given
    }
    return found;
}

}  // namespace replicache::engine
