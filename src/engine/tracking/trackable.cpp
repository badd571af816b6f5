#include "engine/tracking/trackable.h"

#include "engine/table/generated_column.h"
#include "engine/table/relation.h"
#include "engine/table/space_name.h"
#include "engine/tracking/bounds.h"
#include "pg/own_table.h"
#include "pg/spi.h"

extern "C" {
#include "catalog/pg_attribute.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::Rows;
using pg::SqlError;
using pg::value;

struct UniqueIndex {
    bool primary;
    bool immediate;  // not deferrable
    std::vector<std::string> columns;
};

const TableColumn& require(const std::vector<TableColumn>& columns, const std::string& name, Oid relation) {
    if (const TableColumn* column = find_column(columns, name)) return *column;
    throw SqlError(ERRCODE_UNDEFINED_COLUMN, "column \"" + name + "\" of relation \"" + name_of(relation) + "\" does not exist");
}

std::vector<UniqueIndex> unique_indexes(Oid relation) {
    static pg::Statement query(
        R"(
            SELECT i.indexrelid, i.indisprimary, i.indimmediate, a.attname::pg_catalog.text
            FROM pg_catalog.pg_index i
            CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts OPERATOR(pg_catalog.-) 1) AS n
            LEFT JOIN pg_catalog.pg_attribute a
                ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) i.indkey[n]
            WHERE i.indrelid OPERATOR(pg_catalog.=) $1
              AND i.indisunique
              AND i.indisvalid
              AND i.indpred IS NULL
              AND i.indexprs IS NULL
            ORDER BY i.indexrelid, n)",
        {OIDOID});
    const Rows rows = query.run({value(ObjectIdGetDatum(relation))}, pg::Snapshot::latest);
    std::vector<UniqueIndex> indexes;
    Oid last = InvalidOid;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        if (rows.oid(i, 1) != last) indexes.push_back({DatumGetBool(rows.get(i, 2).datum), DatumGetBool(rows.get(i, 3).datum), {}});
        last = rows.oid(i, 1);
        indexes.back().columns.push_back(rows.text(i, 4).value_or(""));
    }
    return indexes;
}

// A BEFORE trigger writes the column, and PostgreSQL computes generated columns after it.
void refuse_generated(const TableColumn& column, const char* role) {
    if (column.generated != '\0')
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, std::string(role) + " column \"" + column.name + "\" is a generated column", {},
                       "Use a plain column.");
}

// A deferrable index lets two rows have the same key within a transaction. When one of them goes, the other one would go for clients, too.
void refuse_deferrable(Oid relation, const std::vector<std::string>& key) {
    if (!identifies_rows(relation, key, Unique::at_any_time))
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "the unique index for the key of \"" + name_of(relation) + "\" is deferrable",
                       "Two rows could have the same key within a transaction.",
                       "Create a unique index over columns of the key that is not deferrable.");
}

// The key template, checked: its columns are NOT NULL, and a unique index over some of them identifies every row.
KeyTemplate resolve_key(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    if (table.key.empty()) {
        const std::vector<UniqueIndex> indexes = unique_indexes(table.relation);
        const auto primary = std::find_if(indexes.begin(), indexes.end(), [](const UniqueIndex& i) { return i.primary; });
        if (primary == indexes.end())
            throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "table \"" + name_of(table.relation) + "\" has no primary key", {},
                           "Add one, or pass a key template over the columns of a unique index.");
        refuse_deferrable(table.relation, primary->columns);
        return KeyTemplate::for_primary_key(name_of(table.relation), primary->columns);
    }
    KeyTemplate key = KeyTemplate::parse(table.key);
    const std::vector<std::string> names = key.columns();
    for (const std::string& name : names)
        if (!require(columns, name, table.relation).not_null)
            throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "column \"" + name + "\" is part of a key and may be null", {},
                           "Declare it NOT NULL.");
    if (!identifies_rows(table.relation, names))
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION,
                       "key template \"" + table.key + "\" does not identify a row of \"" + name_of(table.relation) + "\"",
                       "There is no unique index whose columns are all in the template.",
                       "Use the columns of the primary key, or create a unique index.");
    refuse_deferrable(table.relation, names);
    return key;
}

// Equal templates will do if constraints keep the rows apart.
bool may_share_keys(const TrackedTable& table, const KeyTemplate& key, const TrackedTable& other) {
    if (!key.may_equal(KeyTemplate::parse(other.key))) return false;
    if (key.text() != other.key || table.space != other.space) return true;
    TrackedTable mine = table;
    mine.key = other.key;
    return !Bounds(mine).exclude(Bounds(other));
}

void check_key_is_free(const TrackedTable& table, const KeyTemplate& key) {
    for (const TrackedTable& other : tracked_tables())
        if (other.relation != table.relation && may_share_keys(table, key, other))
            throw SqlError(
                ERRCODE_DUPLICATE_OBJECT,
                "rows of \"" + name_of(table.relation) + "\" and \"" + name_of(other.relation) + "\" could have the same key",
                "The key templates are \"" + key.text() + "\" and \"" + other.key + "\".",
                "Pass a key template with a prefix of its own. If the tables are shards of one, give them CHECK constraints "
                "that exclude each other, over columns of the key or the space. Private tables and others cannot be such shards.");
}

// The argument is of type name, which PostgreSQL cuts off at NAMEDATALEN - 1 bytes, on a character boundary. A character has up to four
// bytes.
constexpr std::size_t max_template_bytes = NAMEDATALEN - 1 - 4;

// `names`: what the column names, "space" or "part".
void check_naming_column(const TrackedTable& table, const std::vector<TableColumn>& columns, const std::string& name,
                         const std::string& names) {
    const TableColumn& column = require(columns, name, table.relation);
    if (!can_name(guarded([type = column.type] { return getBaseType(type); })))
        throw SqlError(ERRCODE_DATATYPE_MISMATCH, names + " column \"" + name + "\" is of a type that cannot name a " + names, {},
                       "Use a column of type text, varchar, uuid, smallint, integer or bigint.");
    if (column.generated == '\0') return;
    if (column.generated != ATTRIBUTE_GENERATED_STORED)
        throw SqlError(
            ERRCODE_FEATURE_NOT_SUPPORTED, names + " column \"" + name + "\" is a virtual generated column",
            "The table does not hold its values.",
            std::string("Declare it STORED") + (names == "space" ? ", or use the columns that it is generated from in a template." : "."));
    if (find_column(columns, table.version) == nullptr) return;
    Relation const relation = guarded([&] { return relation_open(table.relation, NoLock); });
    const bool circular = guarded([&] {
        const auto number = [relation](const std::string& column) {
            return static_cast<AttrNumber>(SPI_fnumber(relation->rd_att, column.c_str()));
        };
        return is_generated_from(relation, number(name), number(table.version));
    });
    guarded([relation] { relation_close(relation, NoLock); });
    if (circular)
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, names + " column \"" + name + "\" is generated from the version column", {},
                       "Name another column by the argument version; it is added when missing.");
}

void check_space(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    const SpaceName name = SpaceName::of(table);
    if (name.is_template() && table.space.size() > max_template_bytes)
        throw SqlError(ERRCODE_NAME_TOO_LONG,
                       "space template \"" + table.space + "\" is longer than " + std::to_string(max_template_bytes) + " bytes",
                       "PostgreSQL may have cut off the end of a longer template.", "Use shorter literals, or a generated column.");
    for (const std::string& column : name.columns()) check_naming_column(table, columns, column, "space");
}

// The arguments that say which rows a client may have.
void check_view(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    if (table.part.empty() != table.parts.empty())
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, table.part.empty() ? "parts needs part" : "part needs parts",
                       "The argument part names the column that says which part a row is in. The argument parts is the query that gives "
                       "the parts that the user may see.",
                       "Pass both.");
    if (table.part.empty()) return;
    if (table.is_private)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                       std::string("part and ") + (table.filter.empty() ? "private" : "filter") + " exclude each other",
                       "With parts, users see whole parts of the table. Otherwise each row counts by itself.",
                       "Pass part and parts, or pass private or filter.");
    check_naming_column(table, columns, table.part, "part");
}

void check_deleted_column(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    if (require(columns, table.deleted, table.relation).type != BOOLOID)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH, "column \"" + table.deleted + "\" for soft deletion is not of type boolean");
}

void check_version_column(const TrackedTable& table, const std::vector<TableColumn>& columns, const KeyTemplate& key) {
    const std::vector<std::string> keys = key.columns();
    const char* taken = nullptr;
    if (std::find(keys.begin(), keys.end(), table.version) != keys.end()) taken = "part of the key";
    const std::vector<std::string> spaces = SpaceName::of(table).columns();
    if (std::find(spaces.begin(), spaces.end(), table.version) != spaces.end()) taken = "also the space column";
    if (table.version == table.part) taken = "also the part column";
    if (table.version == table.deleted) taken = "also the column for soft deletion";
    if (taken != nullptr)
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "version column \"" + table.version + "\" is " + taken, {},
                       "Name another column by the argument version; it is added when missing.");
    const TableColumn* column = find_column(columns, table.version);
    if (column == nullptr) return;
    refuse_generated(*column, "version");
    if (column->type != INT8OID)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH, "version column \"" + table.version + "\" is not of type bigint", {},
                       "Name another column by the argument version; it is added when missing.");
}

void check_value_columns(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    if (table.columns.empty()) return;
    if (!table.value.empty())
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "value and columns exclude each other",
                       "The argument columns chooses columns of the default value.", "Pass one of them.");
    for (auto name = table.columns.begin(); name != table.columns.end(); ++name) {
        if (*name == table.version)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "columns: \"" + *name + "\" is the version column",
                           "Clients get the version in their cookie.", "Leave it out, or pass a value that contains it.");
        require(columns, *name, table.relation);
        if (std::find(table.columns.begin(), name, *name) != name)
            throw SqlError(ERRCODE_DUPLICATE_COLUMN, "columns: \"" + *name + "\" is listed twice");
    }
}

}  // namespace

bool can_name(Oid type) {
    switch (type) {
        case TEXTOID:
        case VARCHAROID:
        case INT2OID:
        case INT4OID:
        case INT8OID:
        case UUIDOID: return true;
        default: return false;
    }
}

std::vector<TableColumn> columns_of(Oid relation) {
    static pg::Statement query(
        R"(
            SELECT attname::pg_catalog.text, atttypid, attcollation, attnotnull, attgenerated
            FROM pg_catalog.pg_attribute
            WHERE attrelid OPERATOR(pg_catalog.=) $1
              AND attnum OPERATOR(pg_catalog.>) 0
              AND NOT attisdropped
            ORDER BY attnum)",
        {OIDOID});
    const Rows rows = query.run({value(ObjectIdGetDatum(relation))}, pg::Snapshot::latest);
    std::vector<TableColumn> columns;
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        columns.push_back(
            {*rows.text(i, 1), rows.oid(i, 2), rows.oid(i, 3), DatumGetBool(rows.get(i, 4).datum), DatumGetChar(rows.get(i, 5).datum)});
    return columns;
}

const TableColumn* find_column(const std::vector<TableColumn>& columns, const std::string& name) {
    for (const TableColumn& column : columns)
        if (column.name == name) return &column;
    return nullptr;
}

std::vector<std::string> naming_columns(const TrackedTable& table) {
    std::vector<std::string> columns = KeyTemplate::parse(table.key).columns();
    for (std::string& column : SpaceName::of(table).columns()) columns.push_back(std::move(column));
    if (!table.part.empty()) columns.push_back(table.part);
    return columns;
}

bool identifies_rows(Oid relation, const std::vector<std::string>& columns, Unique when) {
    const std::vector<UniqueIndex> indexes = unique_indexes(relation);
    return std::any_of(indexes.begin(), indexes.end(), [&](const UniqueIndex& index) {
        return (index.immediate || when == Unique::at_commit) &&
               std::all_of(index.columns.begin(), index.columns.end(), [&columns](const std::string& column) {
                   return std::find(columns.begin(), columns.end(), column) != columns.end();
               });
    });
}

void check_trackable_kind(Oid relation) {
    const std::string name = name_of(relation);
    const char kind = guarded([relation] { return get_rel_relkind(relation); });
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is not a table", {}, "Track the tables behind it.");
    if (is_catalog(relation)) throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a system catalog");
    if (guarded([relation] { return get_rel_relispartition(relation); }))
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a partition", {}, "Track the partitioned table.");
    if (guarded([relation] { return get_rel_namespace(relation) == get_namespace_oid("replicache", false); }) &&
        relation != pg::own_relation("mutation_error"))
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a bookkeeping table of replicache_ext");
    const char persistence = guarded([relation] { return get_rel_persistence(relation); });
    if (persistence != RELPERSISTENCE_PERMANENT)
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a temporary or unlogged table",
                       "Its rows can disappear without any trigger being fired, and clients would keep them.",
                       "Use a permanent, logged table.");
}

KeyTemplate check_trackable(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    KeyTemplate key = resolve_key(table, columns);
    check_space(table, columns);
    check_view(table, columns);
    if (!table.deleted.empty()) check_deleted_column(table, columns);
    check_version_column(table, columns, key);
    check_value_columns(table, columns);
    check_key_is_free(table, key);
    return key;
}

}  // namespace replicache::engine
