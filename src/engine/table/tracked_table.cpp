#include "engine/table/tracked_table.h"

#include "pg/array.h"
#include "pg/own_table.h"
#include "pg/spi.h"

extern "C" {
#include "catalog/partition.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

std::string text_or_empty(const pg::Rows& rows, std::uint64_t row, int column) { return rows.text(row, column).value_or(""); }

}  // namespace

std::vector<TrackedTable> tracked_tables() {
    static pg::OwnStatement without_columns(
        R"(
            SELECT
                relation::pg_catalog.oid,
                key,
                value,
                space_column::pg_catalog.text,
                deleted_column::pg_catalog.text,
                version_column::pg_catalog.text,
                NULL::pg_catalog.text[]
            FROM replicache.tracked_table
            ORDER BY relation::pg_catalog.oid)",
        {});
    static pg::OwnStatement with_columns(
        R"(
            SELECT
                relation::pg_catalog.oid,
                key,
                value,
                space_column::pg_catalog.text,
                deleted_column::pg_catalog.text,
                version_column::pg_catalog.text,
                columns
            FROM replicache.tracked_table
            ORDER BY relation::pg_catalog.oid)",
        {});
    const pg::SpiConnection spi;
    // The registry is like a catalog. Only its latest state fits the latest definitions of the tables, whatever snapshot the caller has.
    const pg::Rows rows = (knows_names() ? with_columns : without_columns).run({}, pg::Snapshot::latest);
    std::vector<TrackedTable> tables;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const pg::Value columns = rows.get(i, 7);
        tables.push_back({.relation = rows.oid(i, 1),
                          .key = text_or_empty(rows, i, 2),
                          .value = text_or_empty(rows, i, 3),
                          .space = text_or_empty(rows, i, 4),
                          .deleted = text_or_empty(rows, i, 5),
                          .version = text_or_empty(rows, i, 6),
                          .columns = columns.null ? std::vector<std::string>() : pg::text_elements(columns.datum)});
    }
    return tables;
}

std::optional<TrackedTable> tracked_table(Oid relation) {
    for (TrackedTable& table : tracked_tables())
        if (table.relation == relation) return std::move(table);
    return std::nullopt;
}

std::optional<TrackedTable> tracked_table_of(Oid relation) {
    List* const ancestors = guarded([relation] { return lcons_oid(relation, get_partition_ancestors(relation)); });
    for (int i = 0; i < list_length(ancestors); ++i)
        if (auto table = tracked_table(list_nth_oid(ancestors, i))) return table;
    return std::nullopt;
}

std::string partitions_of(const std::string& oid) {
    const std::string is_partition = R"(
                        JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid AND c.relispartition
                        WHERE NOT i.inhdetachpending)";
    return R"((
                WITH RECURSIVE p(relid) AS (
                        SELECT i.inhrelid
                        FROM pg_catalog.pg_inherits i )" +
           is_partition + R"( AND i.inhparent OPERATOR(pg_catalog.=) )" + oid + R"(
                    UNION ALL
                        SELECT i.inhrelid
                        FROM p
                        JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) p.relid )" +
           is_partition + R"(
                )
                SELECT relid FROM p) )";
}

bool knows_names() {
    return guarded([registry = pg::own_relation("tracked_table")] { return get_attnum(registry, "table_name") != InvalidAttrNumber; });
}

void store(const TrackedTable& table) {
    static pg::OwnStatement store_options(
        R"(
            INSERT INTO replicache.tracked_table (relation, key, value, space_column, deleted_column, version_column)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (relation) DO UPDATE SET
                key = excluded.key,
                value = excluded.value,
                space_column = excluded.space_column,
                deleted_column = excluded.deleted_column,
                version_column = excluded.version_column)",
        {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    static pg::OwnStatement store_all(
        R"(
            INSERT INTO replicache.tracked_table
                (relation, key, value, space_column, deleted_column, version_column, table_name, columns)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (relation) DO UPDATE SET
                key = excluded.key,
                value = excluded.value,
                space_column = excluded.space_column,
                deleted_column = excluded.deleted_column,
                version_column = excluded.version_column,
                table_name = excluded.table_name,
                columns = excluded.columns)",
        {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID});
    const auto or_null = [](const std::string& text) { return text.empty() ? pg::Value{} : pg::value(text); };
    const pg::Value relation = pg::value(ObjectIdGetDatum(table.relation)), key = pg::value(table.key), value = or_null(table.value),
                    space = or_null(table.space), deleted = or_null(table.deleted), version = pg::value(table.version);
    if (knows_names()) {
        store_all.run({relation, key, value, space, deleted, version, pg::value(pg::qualified_name(table.relation)),
                       table.columns.empty() ? pg::Value{} : pg::value(pg::text_array(table.columns))});
        note_partitions(table.relation);
    } else {
        store_options.run({relation, key, value, space, deleted, version});
    }
    pg::tell_of_change("tracked_table");
}

void note_partitions(Oid relation) {
    if (!knows_names()) return;
    static const std::string sql =
        R"(
            WITH now AS (
                SELECT pg_catalog.array_agg(p.relid::pg_catalog.regclass ORDER BY p.relid) AS partitions
                FROM )" +
        partitions_of("$1") +
        R"(p)
            UPDATE replicache.tracked_table r
            SET partitions = now.partitions
            FROM now
            WHERE r.relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1
              AND COALESCE(r.partitions::pg_catalog.text, '')
                  OPERATOR(pg_catalog.<>) COALESCE(now.partitions::pg_catalog.text, ''))";
    static pg::OwnStatement note(sql.c_str(), {OIDOID});
    note.run({pg::value(ObjectIdGetDatum(relation))});
}

void note_restored() {
    if (!knows_names()) return;
    static const std::string sql =
        R"(
            UPDATE replicache.tracked_table r
            SET table_name = pg_catalog.format('%I.%I', n.nspname, c.relname),
                partitions = (
                    SELECT pg_catalog.array_agg(p.relid::pg_catalog.regclass ORDER BY p.relid)
                    FROM )" +
        partitions_of("r.relation::pg_catalog.oid") +
        R"(p)
            FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
            WHERE c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
              AND r.table_name IS NULL)";
    static pg::OwnStatement note(sql.c_str(), {});
    const pg::SpiConnection spi;
    note.run({});
}

void forget(Oid relation) {
    static pg::OwnStatement remove("DELETE FROM replicache.tracked_table WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1",
                                   {OIDOID});
    // No row: in REPEATABLE READ and above, the table was tracked after the snapshot of the transaction.
    if (remove.run({pg::value(ObjectIdGetDatum(relation))}).count() == 0)
        throw pg::SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    pg::tell_of_change("tracked_table");
}

std::string rows_of(Oid relation) {
    const bool partitioned = guarded([relation] { return get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE; });
    return (partitioned ? "" : "ONLY ") + pg::qualified_name(relation) + " AS t";
}

std::string from_clause(const TrackedTable& table) { return " FROM " + rows_of(table.relation); }

}  // namespace replicache::engine
