#include "engine/tracking/track.h"

#include "engine/table/exposed_table.h"
#include "engine/table/relation.h"
#include "engine/table/space_name.h"
#include "engine/tracking/all_rows.h"
#include "engine/tracking/change.h"
#include "engine/tracking/dropped.h"
#include "engine/tracking/space_warning.h"
#include "engine/tracking/table_rows.h"
#include "engine/tracking/trackable.h"
#include "engine/tracking/triggers.h"
#include "engine/tracking/value_expression.h"
#include "engine/tracking/view_expressions.h"
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

// Whether the keys and spaces of the rows can still be made: their columns exist, and have types with a fixed text.
bool can_tell_keys(const TrackedTable& table) {
    if (!has_rows(table.relation)) return false;
    const std::vector<TableColumn> columns = columns_of(table.relation);
    const std::vector<std::string> needed = naming_columns(table);
    return std::all_of(needed.begin(), needed.end(), [&](const std::string& name) {
        const TableColumn* const column = find_column(columns, name);
        return column != nullptr && pg::ScalarText::of(column->type);
    });
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

void track_table(TrackedTable table) {
    const SpiConnection spi;
    forget_dropped_tables();
    check_owner(table.relation);
    lock_spaces(!table.space.empty());
    lock_table(table.relation);
    const std::vector<TableColumn> columns = columns_of(table.relation);
    check_trackable_kind(table.relation);
    if (table.version.empty()) table.version = default_version_column(table.relation, columns);
    table.key = check_trackable(table, columns).text();
    check_version_is_free(table.relation, table.version);
    provide_version_column(table, columns);
    check_filter(table);
    check_parts(table);
    check_value(table);

    create_triggers(table, drop_triggers(table.relation));

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
    // All clients start again with a complete pull when the keys cannot be made any more. They also do so when users see different rows:
    // a client must not learn keys of rows that it has not seen.
    if (!depends_on_user(table) && can_tell_keys(table))
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
