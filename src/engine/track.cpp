#include "engine/track.h"

#include "engine/change.h"
#include "engine/exposed_table.h"
#include "engine/key_log.h"
#include "engine/relation.h"
#include "pg/own_table.h"

extern "C" {
#include "storage/lmgr.h"
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::AsOwner;
using pg::guarded;
using pg::qualified_name;
using pg::quote_identifier;
using pg::quote_literal;
using pg::Rows;
using pg::run_once;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;

struct Column {
    std::string name;
    Oid type;
    bool not_null;
    bool generated;
};

struct UniqueIndex {
    bool primary;
    std::vector<std::string> columns;
};

void check_kind(Oid relation) {
    const std::string name = name_of(relation);
    const char kind = guarded([relation] { return get_rel_relkind(relation); });
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is not a table", {}, "Track the tables behind it.");
    if (is_catalog(relation))
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a system catalog");
    if (guarded([relation] { return get_rel_relispartition(relation); }))
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a partition", {}, "Track the partitioned table.");
    if (guarded([relation] { return get_rel_namespace(relation) == get_namespace_oid("replicache", false); }) &&
        relation != pg::own_relation("mutation_error"))
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a bookkeeping table of replicache_ext");
    const char persistence = guarded([relation] { return get_rel_persistence(relation); });
    if (persistence != RELPERSISTENCE_PERMANENT)
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name + "\" is a temporary or unlogged table",
                       "Its rows can vanish without a trace, and clients would keep them.",
                       "Use a permanent, logged table.");
}

std::vector<Column> columns_of(Oid relation) {
    static pg::Statement query(
        "SELECT attname::pg_catalog.text, atttypid, attnotnull, attgenerated OPERATOR(pg_catalog.<>) '' FROM pg_catalog.pg_attribute "
        "WHERE attrelid OPERATOR(pg_catalog.=) $1 AND attnum OPERATOR(pg_catalog.>) 0 AND NOT attisdropped ORDER BY attnum",
        {OIDOID});
    const Rows rows = query.run({value(ObjectIdGetDatum(relation))});
    std::vector<Column> columns;
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        columns.push_back({*rows.text(i, 1), rows.oid(i, 2), DatumGetBool(rows.get(i, 3).datum), DatumGetBool(rows.get(i, 4).datum)});
    return columns;
}

const Column* find(const std::vector<Column>& columns, const std::string& name) {
    for (const Column& column : columns)
        if (column.name == name) return &column;
    return nullptr;
}

const Column& require(const std::vector<Column>& columns, const std::string& name, Oid relation) {
    if (const Column* column = find(columns, name)) return *column;
    throw SqlError(ERRCODE_UNDEFINED_COLUMN, "column \"" + name + "\" of relation \"" + name_of(relation) + "\" does not exist");
}

std::vector<UniqueIndex> unique_indexes(Oid relation) {
    static pg::Statement query(
        "SELECT i.indexrelid, i.indisprimary, a.attname::pg_catalog.text FROM pg_catalog.pg_index i "
        "CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts OPERATOR(pg_catalog.-) 1) AS n "
        "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid "
        "AND a.attnum OPERATOR(pg_catalog.=) i.indkey[n] "
        "WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL "
        "AND i.indexprs IS NULL ORDER BY i.indexrelid, n",
        {OIDOID});
    const Rows rows = query.run({value(ObjectIdGetDatum(relation))});
    std::vector<UniqueIndex> indexes;
    Oid last = InvalidOid;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        if (rows.oid(i, 1) != last) indexes.push_back({DatumGetBool(rows.get(i, 2).datum), {}});
        last = rows.oid(i, 1);
        indexes.back().columns.push_back(rows.text(i, 3).value_or(""));
    }
    return indexes;
}

// The triggers write or read these columns before PostgreSQL computes generated ones.
void refuse_generated(const Column& column, const char* role) {
    if (column.generated)
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, std::string(role) + " column \"" + column.name + "\" is a generated column",
                       {}, "Use a plain column.");
}

// The template, checked: its columns are never null, tell any two rows apart, and have a text of their own.
KeyTemplate resolve_key(const TrackedTable& table, const std::vector<Column>& columns) {
    const std::vector<UniqueIndex> indexes = unique_indexes(table.relation);
    if (table.key.empty()) {
        const auto primary = std::find_if(indexes.begin(), indexes.end(), [](const UniqueIndex& i) { return i.primary; });
        if (primary == indexes.end())
            throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "table \"" + name_of(table.relation) + "\" has no primary key", {},
                           "Add one, or pass a key template over the columns of a unique index.");
        return KeyTemplate::for_primary_key(name_of(table.relation), primary->columns);
    }
    const KeyTemplate key = KeyTemplate::parse(table.key);
    const std::vector<std::string> names = key.columns();
    for (const std::string& name : names)
        if (!require(columns, name, table.relation).not_null)
            throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "column \"" + name + "\" is part of a key and may be null", {},
                           "Declare it NOT NULL.");
    const auto covered = [&names](const UniqueIndex& index) {
        return std::all_of(index.columns.begin(), index.columns.end(), [&names](const std::string& column) {
            return std::find(names.begin(), names.end(), column) != names.end();
        });
    };
    if (std::none_of(indexes.begin(), indexes.end(), covered))
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION,
                       "key template \"" + table.key + "\" does not identify a row of \"" + name_of(table.relation) + "\"",
                       "Its columns include those of no unique index.",
                       "Use the columns of the primary key, or create a unique index.");
    return key;
}

void check_key_is_free(const TrackedTable& table, const KeyTemplate& key) {
    for (const TrackedTable& other : tracked_tables())
        if (other.relation != table.relation && key.may_equal(KeyTemplate::parse(other.key)))
            throw SqlError(ERRCODE_DUPLICATE_OBJECT,
                           "rows of \"" + name_of(table.relation) + "\" and \"" + name_of(other.relation) + "\" could have the same key",
                           "The key templates are \"" + key.text() + "\" and \"" + other.key + "\".",
                           "Pass a key template with a prefix of its own.");
}

void check_space_column(const TrackedTable& table, const std::vector<Column>& columns) {
    const Column& column = require(columns, table.space, table.relation);
    refuse_generated(column, "space");
    const Oid type = column.type;
    switch (guarded([type] { return getBaseType(type); })) {
        case TEXTOID:
        case VARCHAROID:
        case INT2OID:
        case INT4OID:
        case INT8OID:
        case UUIDOID:
            return;
        default:
            throw SqlError(ERRCODE_DATATYPE_MISMATCH, "space column \"" + table.space + "\" is of a type that cannot name a space",
                           {}, "Use a column of type text, varchar, uuid, smallint, integer or bigint.");
    }
}

void check_deleted_column(const TrackedTable& table, const std::vector<Column>& columns) {
    if (require(columns, table.deleted, table.relation).type != BOOLOID)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH, "column \"" + table.deleted + "\" for soft deletion is not of type boolean");
}

void check_version_column(const TrackedTable& table, const std::vector<Column>& columns, const KeyTemplate& key) {
    const std::vector<std::string> keys = key.columns();
    const char* taken = nullptr;
    if (std::find(keys.begin(), keys.end(), table.version) != keys.end()) taken = "part of the key";
    if (table.version == table.space) taken = "also the space column";
    if (table.version == table.deleted) taken = "also the column for soft deletion";
    if (taken != nullptr)
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "version column \"" + table.version + "\" is " + taken, {},
                       "Name another column by the argument version; it is added when missing.");
    const Column* column = find(columns, table.version);
    if (column == nullptr) return;
    refuse_generated(*column, "version");
    if (column->type != INT8OID)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH, "version column \"" + table.version + "\" is not of type bigint", {},
                       "Name another column by the argument version; it is added when missing.");
}

// Adds the version column when it is missing, and an index for "what changed since" when there is none.
void provide_version_column(const TrackedTable& table, const std::vector<Column>& columns) {
    const std::string relation = qualified_name(table.relation), version = quote_identifier(table.version);
    if (find(columns, table.version) == nullptr)
        run_once("ALTER TABLE " + relation + " ADD COLUMN " + version + " bigint NOT NULL DEFAULT 0");
    static pg::Statement index(
        "SELECT FROM pg_catalog.pg_index i "
        "JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid "
        "JOIN pg_catalog.pg_am m ON m.oid OPERATOR(pg_catalog.=) c.relam AND m.amname OPERATOR(pg_catalog.=) 'btree' "
        "JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid "
        "AND a.attnum OPERATOR(pg_catalog.=) i.indkey[0] "
        "LEFT JOIN pg_catalog.pg_attribute b ON i.indnkeyatts OPERATOR(pg_catalog.>) 1 "
        "AND b.attrelid OPERATOR(pg_catalog.=) i.indrelid AND b.attnum OPERATOR(pg_catalog.=) i.indkey[1] "
        "WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND i.indisvalid AND i.indpred IS NULL "
        "AND a.attname OPERATOR(pg_catalog.=) $2 AND ($3 IS NULL OR b.attname OPERATOR(pg_catalog.=) $3)",
        {OIDOID, NAMEOID, NAMEOID});
    const auto name = [](const std::string& text) {
        return value(guarded([&] { return DirectFunctionCall1(namein, CStringGetDatum(text.c_str())); }));
    };
    const bool spaces = !table.space.empty();
    const Rows found = index.run({value(ObjectIdGetDatum(table.relation)), name(spaces ? table.space : table.version),
                                  spaces ? name(table.version) : pg::Value{}});
    if (found.empty())
        run_once("CREATE INDEX ON " + relation + " (" + (spaces ? quote_identifier(table.space) + ", " : "") + version + ")");
}

std::string trigger_call(const TrackedTable& table) {
    return " EXECUTE FUNCTION replicache.on_change(" + quote_literal(table.version) + ", " + quote_literal(table.space) + ", " +
           quote_literal(table.key) + ")";
}

void create_trigger(const TrackedTable& table, Oid relation, const char* name, const std::string& when) {
    const std::string trigger = quote_identifier(name) + " ";
    const std::string on = " ON " + qualified_name(relation);
    const auto [event, rest] = [&when] {
        const std::size_t split = when.find(" FOR EACH");
        return std::pair(when.substr(0, split), when.substr(split));
    }();
    run_once("CREATE TRIGGER " + trigger + event + on + rest + trigger_call(table));
    // So that DROP EXTENSION takes the trigger along.
    run_once("ALTER TRIGGER " + trigger + on + " DEPENDS ON EXTENSION replicache_ext");
}

void create_triggers(const TrackedTable& table, const KeyTemplate& key) {
    std::vector<std::string> identity = key.columns();
    if (!table.space.empty()) identity.push_back(table.space);
    std::string old_row, new_row;
    for (const std::string& column : identity) {
        old_row += (old_row.empty() ? "OLD." : ", OLD.") + quote_identifier(column);
        new_row += (new_row.empty() ? "NEW." : ", NEW.") + quote_identifier(column);
    }
    const AsOwner owner;
    // An INSERT locks nothing before its row trigger fires; ON CONFLICT DO UPDATE fires triggers for UPDATE, too.
    if (table.space.empty())
        create_trigger(table, table.relation, trigger_name::lock, "BEFORE UPDATE OR DELETE FOR EACH STATEMENT");
    create_trigger(table, table.relation, trigger_name::stamp, "BEFORE INSERT OR UPDATE FOR EACH ROW");
    create_trigger(table, table.relation, trigger_name::deleted, "AFTER DELETE FOR EACH ROW");
    // Compared as images: equal values of some types have different texts (citext, numeric).
    create_trigger(table, table.relation, trigger_name::moved,
                   "AFTER UPDATE FOR EACH ROW WHEN (pg_catalog.record_image_ne(ROW(" + old_row + "), ROW(" + new_row + ")))");
    create_trigger(table, table.relation, trigger_name::truncated, "AFTER TRUNCATE FOR EACH STATEMENT");
}

void create_creation_trigger(const TrackedTable& table) {
    const AsOwner owner;
    create_trigger(table, table.relation, trigger_name::created, "AFTER INSERT FOR EACH ROW");
}

}  // namespace

void provide_creation_trigger(Oid relation) {
    static pg::Statement find(
        "SELECT FROM pg_catalog.pg_trigger WHERE tgrelid OPERATOR(pg_catalog.=) $1 AND tgname OPERATOR(pg_catalog.=) $2 "
        "AND tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid",
        {OIDOID, NAMEOID});
    const Datum name = guarded([] { return DirectFunctionCall1(namein, CStringGetDatum(trigger_name::created)); });
    const bool is_there = !find.run({value(ObjectIdGetDatum(relation)), value(name)}).empty();
    const auto table = tracked_table(relation);
    const bool wanted = table && !table->space.empty() && is_exposed(relation);
    if (wanted && !is_there) create_creation_trigger(*table);
    if (!is_there || wanted) return;
    const AsOwner owner;
    run_once("DROP TRIGGER " + quote_identifier(trigger_name::created) + " ON " + qualified_name(relation));
}

void drop_triggers(Oid relation) {
    static pg::Statement triggers(
        "SELECT p.relid::pg_catalog.oid, t.tgname::pg_catalog.text FROM pg_catalog.pg_trigger t "
        "JOIN (SELECT relid FROM pg_catalog.pg_partition_tree($1) UNION SELECT $1) p "
        "ON t.tgrelid OPERATOR(pg_catalog.=) p.relid::pg_catalog.oid "
        "WHERE t.tgfoid OPERATOR(pg_catalog.=) 'replicache.on_change()'::pg_catalog.regprocedure::pg_catalog.oid "
        "AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid",
        {REGCLASSOID});
    const AsOwner owner;
    const Rows rows = triggers.run({value(ObjectIdGetDatum(relation))});
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        run_once("DROP TRIGGER " + quote_identifier(*rows.text(i, 2)) + " ON " + qualified_name(rows.oid(i, 1)));
}

namespace {

// Takes the spaces before the table's lock, as pushes do.
void lock_spaces(bool has_space_column) {
    if (!has_space_column) {
        take_space("");
        return;
    }
    static pg::Statement known("SELECT id FROM replicache.space ORDER BY id FOR NO KEY UPDATE", {});
    const AsOwner owner;
    known.run({});
}

void lock_table(Oid relation) {
    guarded([relation] { LockRelationOid(relation, ShareRowExclusiveLock); });
}

std::string from(const TrackedTable& table) {
    const bool partitioned = guarded([&] { return get_rel_relkind(table.relation) == RELKIND_PARTITIONED_TABLE; });
    return std::string(" FROM ") + (partitioned ? "" : "ONLY ") + qualified_name(table.relation) + " AS t";
}

std::vector<std::string> identity_of(Oid table, const KeyTemplate& key) {
    Relation const relation = guarded([table] { return relation_open(table, NoLock); });
    std::vector<std::string> names;
    for (const AttrNumber column : identifying_columns(relation, key.columns()))
        names.emplace_back(NameStr(TupleDescAttr(relation->rd_att, column - 1)->attname));
    guarded([relation] { relation_close(relation, NoLock); });
    return names;
}

// Leaves a tombstone for every row, so that clients drop its entry; soft-deleted rows included, which some clients may
// not have heard of.
void bury_rows(const TrackedTable& table) {
    const KeyTemplate key = KeyTemplate::parse(table.key);
    std::string list = table.space.empty() ? "''" : "t." + quote_identifier(table.space) + "::pg_catalog.text";
    for (const std::string& column : key.columns()) list += ", t." + quote_identifier(column);
    std::vector<AttrNumber> identity;  // in the query
    for (const std::string& column : identity_of(table.relation, key)) {
        list += ", t." + quote_identifier(column);
        identity.push_back(static_cast<AttrNumber>(1 + key.columns().size() + identity.size() + 1));
    }
    const std::string sql = "SELECT " + list + from(table);
    Portal const rows = guarded([&] {
        return SPI_cursor_open_with_args(nullptr, sql.c_str(), 0, nullptr, nullptr, nullptr, true, 0);
    });
    std::optional<Key> bound;
    for (;;) {
        pg::check_interrupts();
        guarded([rows] { SPI_cursor_fetch(rows, true, 1000); });
        SPITupleTable* const batch = SPI_tuptable;
        const std::uint64_t count = SPI_processed;
        if (count == 0) break;
        if (!bound) {
            AttrNumber next = 1;
            bound.emplace(key, [&](const std::string&) {
                ++next;
                return Key::Column{next, SPI_gettypeid(batch->tupdesc, next)};
            });
        }
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::string_view text = guarded([&] {
                StringInfoData buffer;
                initStringInfo(&buffer);
                bound->append(&buffer, [&](AttrNumber column, bool* null) {
                    return SPI_getbinval(batch->vals[i], batch->tupdesc, column, null);
                });
                return std::string_view(buffer.data, buffer.len);
            });
            bury(take_space(Rows(batch, count).text(i, 1).value_or("")), text, {table.relation, batch->vals[i], batch->tupdesc, identity});
        }
        guarded([batch] { SPI_freetuptable(batch); });
    }
    guarded([rows] { SPI_cursor_close(rows); });
}

}  // namespace

void add_partition_triggers(const TrackedTable& table) {
    static pg::Statement missing(
        "SELECT p.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree($1) p "
        "WHERE p.parentrelid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t "
        "WHERE t.tgrelid OPERATOR(pg_catalog.=) p.relid::pg_catalog.oid AND t.tgname OPERATOR(pg_catalog.=) $2)",
        {REGCLASSOID, NAMEOID});
    const AsOwner owner;
    const Datum name = guarded([] { return DirectFunctionCall1(namein, CStringGetDatum(trigger_name::truncated)); });
    const Rows rows = missing.run({value(ObjectIdGetDatum(table.relation)), value(name)});
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        create_trigger(table, rows.oid(i, 1), trigger_name::truncated, "AFTER TRUNCATE FOR EACH STATEMENT");
}

void adopt_rows(const TrackedTable& table) {
    // Rows may carry versions of another clock (of a former life of the table): the space goes on above them.
    const std::string space = table.space.empty() ? "''" : "t." + quote_identifier(table.space) + "::pg_catalog.text";
    std::vector<std::pair<std::string, std::int64_t>> highest;
    {
        const AsOwner owner;
        const Rows rows = run_once("SELECT " + space + "::pg_catalog.text, pg_catalog.max(t." + quote_identifier(table.version) + ")" +
                                   from(table) + " GROUP BY 1");
        for (std::uint64_t i = 0; i < rows.count(); ++i)
            if (const auto id = rows.text(i, 1)) {
                const pg::Value version = rows.get(i, 2);
                highest.emplace_back(*id, version.null ? 0 : DatumGetInt64(version.datum));
            }
    }
    std::sort(highest.begin(), highest.end());  // everybody locks spaces in this order
    for (const auto& [id, version] : highest) {
        Space& space = take_space(id);
        if (!space.changed() || version != space.version) skip_to(space, version);  // else this transaction wrote them
    }
    raise_floors(!table.space.empty());
}

void track_table(TrackedTable table) {
    const SpiConnection spi;
    check_owner(table.relation);
    lock_spaces(!table.space.empty());
    lock_table(table.relation);
    check_kind(table.relation);

    const std::vector<Column> columns = columns_of(table.relation);
    const KeyTemplate key = resolve_key(table, columns);
    table.key = key.text();
    if (!table.space.empty()) check_space_column(table, columns);
    if (!table.deleted.empty()) check_deleted_column(table, columns);
    check_version_column(table, columns, key);
    check_key_is_free(table, key);
    provide_version_column(table, columns);
    TableView(table, false).check_value();  // its triggers come next

    drop_triggers(table.relation);
    create_triggers(table, key);
    add_partition_triggers(table);
    if (!table.space.empty() && is_exposed(table.relation)) create_creation_trigger(table);

    static pg::Statement store(
        "INSERT INTO replicache.tracked_table (relation, key, value, space_column, deleted_column, version_column) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (relation) DO UPDATE SET key = excluded.key, value = excluded.value, "
        "space_column = excluded.space_column, deleted_column = excluded.deleted_column, "
        "version_column = excluded.version_column",
        {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    const auto or_null = [](const std::string& text) { return text.empty() ? pg::Value{} : value(text); };
    {
        const AsOwner owner;
        store.run({value(ObjectIdGetDatum(table.relation)), value(table.key), or_null(table.value),
                   or_null(table.space), or_null(table.deleted), value(table.version)});
    }
    adopt_rows(table);
}

namespace {

TrackedTable require_tracked(Oid relation) {
    check_owner(relation);
    if (auto table = tracked_table(relation)) return *table;
    throw SqlError(ERRCODE_UNDEFINED_OBJECT, "table \"" + name_of(relation) + "\" is not tracked", {},
                   "Call replicache.track_table first.");
}

}  // namespace

void untrack_table(Oid relation) {
    const SpiConnection spi;
    const TrackedTable table = require_tracked(relation);
    lock_spaces(!table.space.empty());
    lock_table(relation);
    // Without the columns of its key, nobody can tell its entries: then all clients start with a complete pull.
    const std::vector<Column> columns = columns_of(relation);
    std::vector<std::string> needed = KeyTemplate::parse(table.key).columns();
    if (!table.space.empty()) needed.push_back(table.space);
    const bool readable = std::all_of(needed.begin(), needed.end(), [&](const std::string& name) { return find(columns, name) != nullptr; });
    const AsOwner owner;
    if (readable)
        bury_rows(table);
    else
        raise_floors(!table.space.empty());
    drop_triggers(relation);
    static pg::Statement forget("DELETE FROM replicache.tracked_table WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1",
                                {OIDOID});
    forget.run({value(ObjectIdGetDatum(relation))});
}

void resync(Oid relation) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.resync()"); });
    const SpiConnection spi;
    raise_floors(!require_tracked(relation).space.empty());
}

}  // namespace replicache::engine
