#include "engine/tracking/track.h"

#include "engine/table/exposed_table.h"
#include "engine/table/relation.h"
#include "engine/table/row_space.h"
#include "engine/tracking/change.h"
#include "engine/tracking/dropped.h"
#include "engine/tracking/key_log.h"
#include "engine/tracking/space_warning.h"
#include "engine/tracking/table_rows.h"
#include "engine/tracking/trackable.h"
#include "engine/tracking/triggers.h"
#include "engine/tracking/value_expression.h"
#include "pg/own_table.h"

extern "C" {
#include "storage/lmgr.h"
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::qualified_name;
using pg::quote_identifier;
using pg::Rows;
using pg::run_once;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;

void tell_of_new_column(const TrackedTable& table) {
    guarded([column = table.version.c_str(), name = name_of(table.relation).c_str()] {
        ereport(NOTICE, (errmsg("column \"%s\" added to table \"%s\"", column, name),
                         errdetail("The new column is seen by COPY without a list of columns, by functions that return the row type of the "
                                   "table, and by triggers that copy whole rows.")));
    });
}

// This comment marks a version column that track_table has added. It is still there after untrack_table, a restore, or CREATE TABLE … LIKE.
constexpr const char* comment_of_version = "version of the row, written by replicache_ext";

bool is_own_column(Oid relation, const std::string& name) {
    static pg::Statement query(
        R"(
            SELECT
            FROM pg_catalog.pg_attribute
            WHERE attrelid OPERATOR(pg_catalog.=) $1
              AND attname OPERATOR(pg_catalog.=) $2::pg_catalog.name
              AND pg_catalog.col_description($1, attnum) OPERATOR(pg_catalog.=) $3)",
        {OIDOID, TEXTOID, TEXTOID});
    return relation == pg::own_relation("mutation_error") ||
           !query.run({value(ObjectIdGetDatum(relation)), value(name), value(std::string_view(comment_of_version))}).empty();
}

// The version column when the caller names none: the column that the table is tracked with, or a new one. A column of this name that
// track_table has not added is refused, because versions would overwrite its data.
std::string default_version_column(Oid relation, const std::vector<TableColumn>& columns) {
    std::string name = "version";
    if (const auto known = tracked_table(relation)) return known->version;
    if (find_column(columns, name) != nullptr && !is_own_column(relation, name))
        throw SqlError(
            ERRCODE_DUPLICATE_COLUMN, "column \"" + name + "\" of \"" + name_of(relation) + "\" already exists",
            "It may hold other data, and track_table would overwrite it with versions.",
            "Pass version => '" + name + "' if it is for versions. Or pass another name: the column is added when it is missing.");
    return name;
}

// Whether an index begins with these columns. The last column must come last; the others may be in any order.
bool has_index(Oid relation, std::vector<std::string> wanted) {
    static pg::Statement query(
        R"(
            SELECT i.indexrelid, a.attname::pg_catalog.text
            FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
            JOIN pg_catalog.pg_am m ON m.oid OPERATOR(pg_catalog.=) c.relam AND m.amname OPERATOR(pg_catalog.=) 'btree'
            CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts OPERATOR(pg_catalog.-) 1) AS n
            LEFT JOIN pg_catalog.pg_attribute a
                ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) i.indkey[n]
            WHERE i.indrelid OPERATOR(pg_catalog.=) $1
              AND i.indisvalid
              AND i.indpred IS NULL
              AND n OPERATOR(pg_catalog.<) $2
            ORDER BY i.indexrelid, n)",
        {OIDOID, INT4OID});
    std::sort(wanted.begin(), wanted.end() - 1);
    const Rows rows = query.run({value(ObjectIdGetDatum(relation)), value(Int32GetDatum(wanted.size()))});
    for (std::uint64_t i = 0; i < rows.count();) {
        const Oid index = rows.oid(i, 1);
        std::vector<std::string> columns;
        for (; i < rows.count() && rows.oid(i, 1) == index; ++i) columns.push_back(rows.text(i, 2).value_or(""));
        std::sort(columns.begin(), columns.end() - 1);
        if (columns == wanted) return true;
    }
    return false;
}

// Adds the version column when it is missing, and an index that finds the rows changed since a version when there is none.
void provide_version_column(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    const std::string relation = qualified_name(table.relation), version = quote_identifier(table.version);
    if (find_column(columns, table.version) == nullptr) {
        run_once("ALTER TABLE " + relation + " ADD COLUMN " + version + " bigint NOT NULL DEFAULT 0");
        run_once("COMMENT ON COLUMN " + relation + "." + version + " IS " + pg::quote_literal(comment_of_version));
        tell_of_new_column(table);
    }
    std::vector<std::string> wanted = SpaceName::of(table).columns();
    wanted.push_back(table.version);
    if (has_index(table.relation, wanted)) return;
    std::string list;
    for (const std::string& column : wanted) list += (list.empty() ? "" : ", ") + quote_identifier(column);
    run_once("CREATE INDEX ON " + relation + " (" + list + ")");
}

// Takes the spaces before the table's lock, as pushes do.
void lock_spaces(bool has_space_column) {
    if (!has_space_column) {
        take_space("");
        return;
    }
    static pg::OwnStatement known("SELECT id FROM replicache.space ORDER BY id FOR NO KEY UPDATE", {});
    known.run({});
}

void lock_table(Oid relation) {
    guarded([relation] { LockRelationOid(relation, ShareRowExclusiveLock); });
}

Key::Column column_of(Relation table, const std::string& name) {
    const AttrNumber number = guarded([&] { return static_cast<AttrNumber>(SPI_fnumber(table->rd_att, name.c_str())); });
    if (number <= 0)
        throw SqlError(ERRCODE_UNDEFINED_COLUMN,
                       "column \"" + name + "\" of relation \"" + RelationGetRelationName(table) + "\" does not exist");
    return {number, TupleDescAttr(table->rd_att, number - 1)->atttypid};
}

RowSpace space_of_rows(Relation relation, const SpaceName& name) {
    return {relation, name, [relation](const std::string& column) { return column_of(relation, column); }};
}

// Leaves a tombstone for every row, so that clients drop its entry. Soft-deleted rows get one, too: some clients may still have them.
void bury_rows(const TrackedTable& table) {
    const KeyTemplate key = KeyTemplate::parse(table.key);
    const SpaceName space_name = SpaceName::of(table);
    struct Part {
        TupleDesc descriptor;
        Key key;
        RowSpace space;
        std::vector<AttrNumber> identity;
    };
    std::optional<Part> part;
    const auto open = [&](Relation relation) {
        part.emplace(Part{relation->rd_att,
                          Key(
                              key, [relation](const std::string& name) { return column_of(relation, name); }),
                          space_of_rows(relation, space_name), identifying_columns(relation, key.columns())});
    };
    for_each_row(table.relation, open, [&](HeapTuple row) {
        const RowSpace::Text space = part->space.of(row, part->descriptor);
        if (space.null != nullptr) return;
        const std::string_view text =
            part->key.text([&](AttrNumber column, bool* null) { return heap_getattr(row, column, part->descriptor, null); });
        bury(take_space(space.space), text, {table.relation, row, part->descriptor, part->identity});
    });
}

// Whether the keys and spaces of the rows can still be made: their columns exist, and have types with a fixed text.
bool can_tell_keys(const TrackedTable& table) {
    if (!has_rows(table.relation)) return false;
    const std::vector<TableColumn> columns = columns_of(table.relation);
    std::vector<std::string> needed = KeyTemplate::parse(table.key).columns();
    for (const std::string& column : SpaceName::of(table).columns()) needed.push_back(column);
    return std::all_of(needed.begin(), needed.end(), [&](const std::string& name) {
        const TableColumn* const column = find_column(columns, name);
        return column != nullptr && pg::ScalarText::of(column->type);
    });
}

[[noreturn]] void refuse_version(Relation table, const std::string& column, std::int64_t version) {
    throw SqlError(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                   "column \"" + column + "\" of \"" + RelationGetRelationName(table) + "\" has the value " + std::to_string(version) +
                       ", which is too high for a version",
                   "Versions rise from the highest one in the table, and must stay below 2^53. At most 2^52 may be there.",
                   "Pass another column by the argument version; it is added when missing. Or set this one to 0.");
}

struct Versions {
    std::map<std::string, std::int64_t> highest;  // by space; sorted, because all code locks spaces in this order
    std::int64_t spaceless = 0;                   // number of rows without a space
};

Versions versions_of(const TrackedTable& table, Oid relation) {
    struct Part {
        Relation relation;
        Key::Column version;
        RowSpace space;
    };
    const SpaceName space_name = SpaceName::of(table);
    Versions versions;
    std::optional<Part> part;
    const auto open = [&](Relation opened) {
        part.emplace(Part{opened, column_of(opened, table.version), space_of_rows(opened, space_name)});
        if (part->version.type != INT8OID)
            throw SqlError(ERRCODE_DATATYPE_MISMATCH,
                           "version column \"" + table.version + "\" of \"" + RelationGetRelationName(opened) + "\" is not of type bigint");
    };
    for_each_row(relation, open, [&](HeapTuple row) {
        TupleDesc const descriptor = part->relation->rd_att;
        const RowSpace::Text space = part->space.of(row, descriptor);
        if (space.null != nullptr) {
            ++versions.spaceless;
            return;
        }
        bool null = false;
        const std::int64_t version = guarded([&] { return DatumGetInt64(heap_getattr(row, part->version.number, descriptor, &null)); });
        std::int64_t& known = versions.highest[std::string(space.space)];
        if (null) return;
        if (version > max_adopted_version) refuse_version(part->relation, table.version, version);
        known = std::max(known, version);
    });
    return versions;
}

// A column that names the space and may be null. Empty: all of them are NOT NULL.
std::string nullable_space_column(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    for (const std::string& name : SpaceName::of(table).columns())
        if (!find_column(columns, name)->not_null) return name;
    return {};
}

// A row without a space cannot be inserted, and an UPDATE that leaves it without one is refused. Rows that existed before tracking may stay
// as they are.
void warn_of_spaceless(const TrackedTable& table, const std::string& column, std::int64_t rows) {
    if (column.empty()) return;
    const std::string name = name_of(table.relation);
    if (rows > 0) {
        guarded([rows, name = name.c_str()] {
            ereport(WARNING,
                    (errmsg_plural("%lld row of \"%s\" has no space", "%lld rows of \"%s\" have no space", static_cast<unsigned long>(rows),
                                   static_cast<long long>(rows), name),
                     errdetail("A column that names the space is null. No client gets such a row. An UPDATE that leaves the column null is "
                               "refused."),
                     errhint("Give the rows a space, and declare the column NOT NULL.")));
        });
        return;
    }
    const std::string alter =
        "ALTER TABLE " + qualified_name(table.relation) + " ALTER COLUMN " + quote_identifier(column) + " SET NOT NULL";
    guarded([column = column.c_str(), name = name.c_str(), alter = alter.c_str()] {
        ereport(NOTICE, (errmsg("column \"%s\" names the space of rows of \"%s\" and may be null", column, name),
                         errdetail("A row in which it is null will be refused."), errhint("Call %s.", alter)));
    });
}

TrackedTable require_tracked(Oid relation) {
    check_owner(relation);
    if (auto table = tracked_table(relation)) return *table;
    throw SqlError(ERRCODE_UNDEFINED_OBJECT, "table \"" + name_of(relation) + "\" is not tracked", {},
                   "Call replicache.track_table first.");
}

}  // namespace

std::int64_t adopt_rows(const TrackedTable& table, Oid relation) {
    const Versions versions = versions_of(table, relation);
    // The rows may carry versions from an earlier time, given by another clock. The space continues above them.
    for (const auto& [id, version] : versions.highest) {
        Space& space = take_space(id);
        if (!space.changed || version != space.version) skip_to(space, version);  // else this transaction wrote them
    }
    raise_floors(!table.space.empty());
    return versions.spaceless;
}

void track_table(TrackedTable table) {
    const SpiConnection spi;
    forget_dropped_tables();
    check_owner(table.relation);
    lock_spaces(!table.space.empty());
    lock_table(table.relation);
    const std::vector<TableColumn> columns = columns_of(table.relation);
    check_trackable_kind(table.relation);
    if (table.version.empty()) table.version = default_version_column(table.relation, columns);
    const KeyTemplate key = check_trackable(table, columns);
    check_version_is_free(table.relation, table.version);
    table.key = key.text();
    provide_version_column(table, columns);
    check_value(table);

    create_triggers(table, key, drop_triggers(table.relation));

    store(table);
    warn_of_spaceless(table, nullable_space_column(table, columns), adopt_rows(table, table.relation));
    warn_of_shared_spaces(table);
}

void untrack_table(Oid relation) {
    const SpiConnection spi;
    if (forget_if_dropped(relation)) return;
    const TrackedTable table = require_tracked(relation);
    lock_spaces(!table.space.empty());
    lock_table(relation);
    // When the keys cannot be made any more, all clients start again with a complete pull.
    if (can_tell_keys(table))
        bury_rows(table);
    else
        raise_floors(!table.space.empty());
    drop_triggers(relation);
    forget(relation);
}

void retrack(Oid relation) {
    TrackedTable table;
    {
        const SpiConnection spi;
        table = require_tracked(relation);
    }
    track_table(std::move(table));
}

void resync(Oid relation) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.resync()"); });
    const SpiConnection spi;
    raise_floors(!require_tracked(relation).space.empty());
}

}  // namespace replicache::engine
