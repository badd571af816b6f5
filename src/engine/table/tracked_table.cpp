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

// `newer`: the columns that version 0.3.0 and later ones have added, or what stands for them.
std::string select(const char* newer) {
    return std::string(R"(
            SELECT
                relation::pg_catalog.oid,
                key,
                value,
                space_column::pg_catalog.text,
                deleted_column::pg_catalog.text,
                version_column::pg_catalog.text,
                )") +
           newer + R"(
            FROM replicache.tracked_table
            ORDER BY relation::pg_catalog.oid)";
}

// An INSERT of these columns that replaces an older row of the table.
std::string upsert(std::initializer_list<const char*> columns) {
    std::string names = "relation", values = "$1", changes;
    int parameter = 1;
    for (const std::string column : columns) {
        names += ", " + column;
        values += ", $" + std::to_string(++parameter);
        changes += (changes.empty() ? "" : ", ") + column + " = excluded." + column;
    }
    return "INSERT INTO replicache.tracked_table (" + names + ") VALUES (" + values + ") ON CONFLICT (relation) DO UPDATE SET " + changes;
}

void store_options(Registry form, const TrackedTable& table) {
    static const std::string options = upsert({"key", "value", "space_column", "deleted_column", "version_column"}),
                             names = upsert({"key", "value", "space_column", "deleted_column", "version_column", "table_name", "columns"}),
                             views = upsert({"key", "value", "space_column", "deleted_column", "version_column", "table_name", "columns",
                                             "private", "filter", "part_column", "parts"});
    static pg::OwnStatement with_options(options.c_str(), {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    static pg::OwnStatement with_names(names.c_str(), {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID});
    static pg::OwnStatement with_views(
        views.c_str(), {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID});
    const auto or_null = [](const std::string& text) { return text.empty() ? pg::Value{} : pg::value(text); };
    const pg::Value relation = pg::value(ObjectIdGetDatum(table.relation)), key = pg::value(table.key), value = or_null(table.value),
                    space = or_null(table.space), deleted = or_null(table.deleted), version = pg::value(table.version);
    if (form == Registry::options) {
        with_options.run({relation, key, value, space, deleted, version});
        return;
    }
    const pg::Value name = pg::value(pg::qualified_name(table.relation)),
                    columns = table.columns.empty() ? pg::Value{} : pg::value(pg::text_array(table.columns));
    if (form == Registry::names)
        with_names.run({relation, key, value, space, deleted, version, name, columns});
    else
        with_views.run({relation, key, value, space, deleted, version, name, columns, pg::value(BoolGetDatum(table.is_private)),
                        or_null(table.filter), or_null(table.part), or_null(table.parts)});
}

}  // namespace

std::vector<TrackedTable> tracked_tables() {
    static const std::string texts[] = {
        select("NULL::pg_catalog.text[], false, NULL, NULL, NULL"),
        select("columns, false, NULL, NULL, NULL"),
        select("columns, private, filter, part_column::pg_catalog.text, parts"),
    };
    static pg::OwnStatement queries[] = {{texts[0].c_str(), {}}, {texts[1].c_str(), {}}, {texts[2].c_str(), {}}};
    const pg::SpiConnection spi;
    // The registry is like a catalog. Only its latest state fits the latest definitions of the tables, whatever snapshot the caller has.
    const pg::Rows rows = queries[static_cast<int>(registry_form())].run({}, pg::Snapshot::latest);
    std::vector<TrackedTable> tables;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const pg::Value columns = rows.get(i, 7);
        tables.push_back({.relation = rows.oid(i, 1),
                          .key = text_or_empty(rows, i, 2),
                          .value = text_or_empty(rows, i, 3),
                          .space = text_or_empty(rows, i, 4),
                          .deleted = text_or_empty(rows, i, 5),
                          .version = text_or_empty(rows, i, 6),
                          .columns = columns.null ? std::vector<std::string>() : pg::text_elements(columns.datum),
                          .is_private = DatumGetBool(rows.get(i, 8).datum),
                          .filter = text_or_empty(rows, i, 9),
                          .part = text_or_empty(rows, i, 10),
                          .parts = text_or_empty(rows, i, 11)});
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

Registry registry_form() {
    return guarded([registry = pg::own_relation("tracked_table")] {
        if (get_attnum(registry, "private") != InvalidAttrNumber) return Registry::views;
        return get_attnum(registry, "table_name") != InvalidAttrNumber ? Registry::names : Registry::options;
    });
}

void store(const TrackedTable& table) {
    const Registry form = registry_form();
    if (form < Registry::views && depends_on_user(table))
        throw pg::SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the tables of replicache_ext are older than its library", {},
                           "Call ALTER EXTENSION replicache_ext UPDATE first.");
    store_options(form, table);
    note_partitions(table.relation);
    pg::tell_of_change("tracked_table");
}

void note_partitions(Oid relation) {
    if (!knows_names()) return;
    // Two sessions may each have made a partition of another partition. Who waits for the other looks behind it.
    static pg::OwnStatement lock(
        R"(
            SELECT
            FROM replicache.tracked_table
            WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1
            FOR NO KEY UPDATE)",
        {OIDOID});
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
    lock.run({pg::value(ObjectIdGetDatum(relation))});
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

void touch(Oid relation) {
    static pg::OwnStatement update(
        R"(
            UPDATE replicache.tracked_table
            SET relation = relation
            WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1)",
        {OIDOID});
    update.run({pg::value(ObjectIdGetDatum(relation))});
    pg::tell_of_change("tracked_table");
}

std::string rows_of(Oid relation) {
    const bool partitioned = guarded([relation] { return get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE; });
    return (partitioned ? "" : "ONLY ") + pg::qualified_name(relation) + " AS t";
}

std::string from_clause(const TrackedTable& table) { return " FROM " + rows_of(table.relation); }

}  // namespace replicache::engine
