#include "engine/tracking/track.h"

#include "engine/space/away.h"
#include "engine/table/canonical_space.h"
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
#include "engine/tracking/version_index.h"
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

// Adds the version column when it is missing, and an index that finds the rows changed since a version when there is none.
void provide_version_column(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    const std::string relation = qualified_name(table.relation), version = quote_identifier(table.version);
    if (find_column(columns, table.version) == nullptr) {
        run_once("ALTER TABLE " + relation + " ADD COLUMN " + version + " bigint NOT NULL DEFAULT 0");
        run_once("COMMENT ON COLUMN " + relation + "." + version + " IS " + pg::quote_literal(comment_of_version));
        tell_of_new_column(table);
    }
    if (has_version_index(table)) return;
    std::string list;
    for (const std::string& column : version_index(table)) list += (list.empty() ? "" : ", ") + quote_identifier(column);
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

// Locks the spaces that the table has, or is to have, and then the table.
void lock_table(Oid relation, bool has_space_column) {
    check_owner(relation);
    const auto known = tracked_table(relation);
    lock_spaces(has_space_column || (known && !known->space.empty()));
    lock_owned(relation, ShareRowExclusiveLock);
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

// The same, with the table locked. Another session may have tracked it with other options, or untracked it, while we waited.
TrackedTable lock_tracked(Oid relation) {
    require_tracked(relation);
    lock_table(relation, false);
    return require_tracked(relation);
}

// Whether rows of the table can be in the space.
bool may_have_rows(const TrackedTable& table, const std::string& space) {
    const auto spaces = spaces_of(table);
    if (!spaces) return true;  // a column is missing
    const auto texts = spaces->name.match(space);
    if (!texts) return false;
    for (std::size_t i = 0; i < texts->size(); ++i)
        if (!space_value(spaces->types[i], (*texts)[i])) return false;
    return true;
}

// The space that is meant. It must be there: a typing error must not create one.
std::string space_with_rows(const TrackedTable& table, const std::string& given) {
    static pg::OwnStatement known("SELECT FROM replicache.space WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID});
    std::string space = canonical_space(given);
    if (!may_have_rows(table, space))
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                       "table \"" + name_of(table.relation) + "\" can have no rows in the space \"" + given + "\"",
                       table.space.empty() ? "It is tracked without a space column, so all its rows are in the space \"\"."
                                           : "Its spaces are named by \"" + table.space + "\".",
                       "Call resync without a space, or with another one.");
    check_is_here(space, As::committed);
    if (known.run({value(std::string_view(space))}, pg::Snapshot::latest).empty())
        throw SqlError(ERRCODE_UNDEFINED_OBJECT, "there is no space \"" + space + "\"", {}, "replicache.space has the spaces.");
    return space;
}

void track_locked(TrackedTable table) {
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

    const auto before = tracked_table(table.relation);
    store(table);
    warn_of_spaceless(table, nullable_space_column(table, columns), adopt_rows(table, table.relation));
    if (before && !before->space.empty() && table.space.empty()) raise_floors(true);  // the rows leave their spaces
    warn_of_shared_spaces(table);
}

}  // namespace

void track_table(TrackedTable table) {
    const SpiConnection spi;
    forget_dropped_tables();
    lock_table(table.relation, !table.space.empty());
    track_locked(std::move(table));
}

void untrack_table(Oid relation) {
    const SpiConnection spi;
    if (forget_if_dropped(relation)) return;
    const TrackedTable table = lock_tracked(relation);
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
    const SpiConnection spi;
    check_owner(relation);
    forget_dropped_tables();
    track_locked(lock_tracked(relation));
}

void resync(Oid relation, const std::optional<std::string>& space) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.resync()"); });
    const SpiConnection spi;
    const TrackedTable table = require_tracked(relation);
    space ? raise_floor(take_space(space_with_rows(table, *space))) : raise_floors(!table.space.empty());
    touch(relation);  // a function may have changed in the same transaction
}

}  // namespace replicache::engine
