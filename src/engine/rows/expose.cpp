#include "engine/rows/expose.h"

#include "engine/rows/conflict_policy.h"
#include "engine/rows/resource.h"
#include "engine/table/mutator_queue.h"
#include "engine/table/relation.h"
#include "engine/table/tracked_table.h"
#include "engine/tracking/dropped.h"
#include "engine/tracking/triggers.h"
#include "pg/array.h"
#include "pg/compat.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

// SQL of an int2[]: the key columns of the index i, without the columns that it only includes.
const std::string columns_of_i = "(i.indkey::pg_catalog.int2[])[0:i.indnkeyatts OPERATOR(pg_catalog.-) 1]";

// Only one session at a time tracks, untracks, exposes or hides a table, or alters it. Others write it meanwhile. The
// code that creates or drops a trigger takes the stronger lock for it.
constexpr LOCKMODE lock_to_expose = ShareUpdateExclusiveLock;

using pg::guarded;
using pg::OwnStatement;
using pg::Rows;
using pg::SpiConnection;
using pg::SqlError;
using pg::Statement;
using pg::value;

void check_kind(Oid relation) {
    const char kind = guarded([relation] { return get_rel_relkind(relation); });
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name_of(relation) + "\" is not a table", {}, "Expose the tables behind it.");
    if (guarded([relation] { return get_rel_persistence(relation); }) == RELPERSISTENCE_TEMP)
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name_of(relation) + "\" is a temporary table");
    if (is_catalog(relation)) throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name_of(relation) + "\" is a system catalog");
    if (guarded([relation] { return get_rel_namespace(relation) == get_namespace_oid("replicache", false); }))
        throw SqlError(ERRCODE_WRONG_OBJECT_TYPE, "\"" + name_of(relation) + "\" is a bookkeeping table of replicache_ext");
    if (!guarded([relation] {
            Relation const opened = relation_open(relation, AccessShareLock);
            const Oid index = pg::primary_key_index(opened);
            relation_close(opened, NoLock);
            return OidIsValid(index);
        }))
        throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "table \"" + name_of(relation) + "\" has no primary key", {},
                       "Add a primary key: changes name their row by it.");
}

void set_operations(ExposedTable& table, const std::vector<std::string>& operations) {
    for (const std::string& operation : operations) {
        bool* const may = operation == "insert"   ? &table.may_insert
                          : operation == "update" ? &table.may_update
                          : operation == "delete" ? &table.may_delete
                                                  : nullptr;
        if (may == nullptr)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "unknown operation \"" + operation + "\"", {},
                           "Pass one or more of insert, update and delete.");
        *may = true;
    }
    if (!table.may_insert && !table.may_update && !table.may_delete)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "operations must not be empty", {}, "Call replicache.hide_crud to expose nothing.");
}

void check_columns(Oid relation, pg::Value columns) {
    if (columns.null) return;
    static Statement type("SELECT pg_catalog.jsonb_typeof($1)", {JSONBOID});
    if (*type.run({columns}).text(0, 1) != "object")
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "columns must be an object", {}, R"(Pass {"client name":"column"}.)");
    static const std::string sql =
        R"(
            SELECT
                c.key,
                c.value::pg_catalog.text,
                pg_catalog.jsonb_typeof(c.value) OPERATOR(pg_catalog.<>) 'string',
                a.attname IS NULL,
                a.attgenerated OPERATOR(pg_catalog.<>) '',
                a.attidentity OPERATOR(pg_catalog.=) 'a'
                    AND NOT EXISTS (
                        SELECT
                        FROM pg_catalog.pg_index i
                        WHERE i.indrelid OPERATOR(pg_catalog.=) $1
                          AND i.indisprimary
                          AND a.attnum OPERATOR(pg_catalog.=) ANY ()" +
        columns_of_i +
        R"())
            FROM pg_catalog.jsonb_each($2) c
            LEFT JOIN pg_catalog.pg_attribute a
                ON a.attrelid OPERATOR(pg_catalog.=) $1
                AND a.attnum OPERATOR(pg_catalog.>) 0
                AND NOT a.attisdropped
                AND a.attname OPERATOR(pg_catalog.=) (c.value OPERATOR(pg_catalog.#>>) '{}')
            ORDER BY c.key)";
    static Statement faults(sql.c_str(), {OIDOID, JSONBOID});
    const Rows rows = faults.run({value(ObjectIdGetDatum(relation)), columns}, pg::Snapshot::latest);
    if (rows.empty()) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "columns must not be empty");
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const std::string client = pg::required(rows.text(i, 1)), column = pg::required(rows.text(i, 2));
        const auto is = [&](int n) { return DatumGetBool(rows.get(i, n).datum); };
        if (is(3)) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "columns: \"" + client + "\" must name a column, got " + column);
        if (is(4))
            throw SqlError(ERRCODE_UNDEFINED_COLUMN, "column " + column + " of relation \"" + name_of(relation) + "\" does not exist");
        if (is(5)) throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "column " + column + " is a generated column and cannot be written");
        if (is(6))
            throw SqlError(ERRCODE_INVALID_TABLE_DEFINITION, "column " + column + " is GENERATED ALWAYS AS IDENTITY and cannot be written");
    }
}

// The conflict_column decides about changes. So clients must be able to send it, and the server must be able to write it.
void check_conflict_column(const ExposedTable& table, const std::string& column, pg::Value columns) {
    static const std::string sql =
        R"(
            SELECT
                a.attgenerated OPERATOR(pg_catalog.<>) '',
                a.attidentity OPERATOR(pg_catalog.=) 'a',
                EXISTS (
                    SELECT
                    FROM pg_catalog.pg_index i
                    WHERE i.indrelid OPERATOR(pg_catalog.=) $1
                      AND i.indisprimary
                      AND a.attnum OPERATOR(pg_catalog.=) ANY ()" +
        columns_of_i +
        R"()),
                NOT EXISTS (
                    SELECT
                    FROM pg_catalog.jsonb_each_text($3) c
                    WHERE c.value OPERATOR(pg_catalog.=) $2)
            FROM pg_catalog.pg_attribute a
            WHERE a.attrelid OPERATOR(pg_catalog.=) $1
              AND a.attname OPERATOR(pg_catalog.=) $2
              AND NOT a.attisdropped)";
    static Statement query(sql.c_str(), {OIDOID, TEXTOID, JSONBOID});
    const Rows rows = query.run({value(ObjectIdGetDatum(table.relation)), value(table.conflict_column), columns}, pg::Snapshot::latest);
    const auto is = [&](int n) { return DatumGetBool(rows.get(0, n).datum); };
    const auto refuse = [&](const char* reason, const char* hint) {
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, column + " cannot be the conflict_column", reason, hint);
    };
    constexpr const char* another = "Name a column that clients write and that has no other use.";
    if (is(1)) refuse("It is a generated column.", another);
    if (is(2)) refuse("It is GENERATED ALWAYS AS IDENTITY.", another);
    if (is(3)) refuse("It is part of the primary key, and a change does not alter the primary key.", another);
    if (!columns.null && is(4)) refuse("It is not listed in columns, so clients cannot send its value.", "Add it to columns.");
    const auto tracked = tracked_table(table.relation);
    if (tracked && tracked->version == table.conflict_column)
        refuse(
            "It is the version column, and no client can know the next version. So the second of two changes of a row would always be "
            "rejected.",
            another);
}

void check_conflict(const ExposedTable& table, pg::Value columns) {
    using NeedsColumn = ConflictPolicy::NeedsColumn;
    const ConflictPolicy* const policy = conflict_policy(table.conflict);
    if (policy == nullptr)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "unknown conflict policy \"" + table.conflict + "\"", {},
                       "Pass " + conflict_policies() + ".");
    if (table.conflict_column.empty()) {
        if (policy->needs_column() == NeedsColumn::yes)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "conflict policy \"" + table.conflict + "\" needs a conflict_column", {},
                           "Name a column that says when the row was changed.");
        return;
    }
    if (policy->needs_column() == NeedsColumn::no)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "conflict policy \"" + table.conflict + "\" takes no conflict_column");
    static Statement query(
        R"(
            SELECT atttypid
            FROM pg_catalog.pg_attribute
            WHERE attrelid OPERATOR(pg_catalog.=) $1
              AND attname OPERATOR(pg_catalog.=) $2
              AND attnum OPERATOR(pg_catalog.>) 0
              AND NOT attisdropped)",
        {OIDOID, TEXTOID});
    const Rows rows = query.run({value(ObjectIdGetDatum(table.relation)), value(table.conflict_column)}, pg::Snapshot::latest);
    const std::string column = "column \"" + table.conflict_column + "\" of relation \"" + name_of(table.relation) + "\"";
    if (rows.empty()) throw SqlError(ERRCODE_UNDEFINED_COLUMN, column + " does not exist");
    policy->check_column(column, guarded([type = rows.oid(0, 1)] { return getBaseType(type); }));
    check_conflict_column(table, column, columns);
}

// Warns that inserts will be rejected when the client chooses the key of a new row, as PowerSync's clients do. In a resource the server
// gives the keys anyway.
void tell_of_assigned_key(const ExposedTable& table) {
    static const std::string sql =
        R"(
            SELECT a.attname::pg_catalog.text
            FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_attribute a
                ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid
                AND a.attnum OPERATOR(pg_catalog.=) ANY ()" +
        columns_of_i +
        R"()
            WHERE i.indrelid OPERATOR(pg_catalog.=) $1
              AND i.indisprimary
              AND a.attidentity OPERATOR(pg_catalog.=) 'a')";
    static Statement query(sql.c_str(), {OIDOID});
    const Rows rows = query.run({value(ObjectIdGetDatum(table.relation))}, pg::Snapshot::latest);
    if (rows.empty() || resource_of(table)) return;
    const std::string column = pg::required(rows.text(0, 1));
    guarded([column = column.c_str(), name = table.name.c_str(),
             alter = set_by_default(table.relation, pg::quote_identifier(column)).c_str()] {
        ereport(NOTICE,
                (errmsg("clients cannot choose \"%s\" of a new row of \"%s\"", column, name),
                 errdetail("It is GENERATED ALWAYS AS IDENTITY. An insert that names it is rejected. A PUT of PowerSync always names it."),
                 errhint("Call %s if clients should choose it.", alter)));
    });
}

}  // namespace

void expose_table(ExposedTable table, const std::vector<std::string>& operations, pg::Value columns) {
    const SpiConnection spi;
    forget_dropped_tables();
    lock_owned(table.relation, lock_to_expose);
    check_kind(table.relation);
    set_operations(table, operations);
    check_columns(table.relation, columns);
    check_conflict(table, columns);
    if (table.name.empty()) table.name = name_of(table.relation);

    static OwnStatement taken(
        R"(
            SELECT
            FROM replicache.exposed_table
            WHERE name OPERATOR(pg_catalog.=) $1
              AND relation::pg_catalog.oid OPERATOR(pg_catalog.<>) $2)",
        {TEXTOID, OIDOID});
    static OwnStatement store(
        R"(
            INSERT INTO replicache.exposed_table (relation, name, operations, columns, conflict, conflict_column, replace)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (relation) DO UPDATE SET
                name = excluded.name,
                operations = excluded.operations,
                columns = excluded.columns,
                conflict = excluded.conflict,
                conflict_column = excluded.conflict_column,
                replace = excluded.replace)",
        {OIDOID, TEXTOID, TEXTARRAYOID, JSONBOID, TEXTOID, TEXTOID, BOOLOID});
    lock_table_names();
    if (is_mutator_queue(table.name))
        throw SqlError(ERRCODE_DUPLICATE_OBJECT, "\"" + table.name + "\" is a mutator queue", {}, "Pass another name.");
    if (!taken.run({value(table.name), value(ObjectIdGetDatum(table.relation))}).empty())
        throw SqlError(ERRCODE_DUPLICATE_OBJECT, "another table is exposed as \"" + table.name + "\"", {}, "Pass another name.");
    store.run({value(ObjectIdGetDatum(table.relation)), value(table.name), value(pg::text_array(operations)), columns,
               value(table.conflict), table.conflict_column.empty() ? pg::Value{} : value(table.conflict_column),
               value(BoolGetDatum(table.replace))});
    pg::tell_of_change("exposed_table");
    provide_creation_trigger(table.relation);
    if (table.may_insert) tell_of_assigned_key(table);
}

void hide_table(Oid relation) {
    static OwnStatement forget("DELETE FROM replicache.exposed_table WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1", {OIDOID});
    const SpiConnection spi;
    lock_owned(relation, lock_to_expose);
    if (forget.run({value(ObjectIdGetDatum(relation))}).count() == 0)
        throw SqlError(ERRCODE_UNDEFINED_OBJECT, "table \"" + name_of(relation) + "\" is not exposed");
    pg::tell_of_change("exposed_table");
    provide_creation_trigger(relation);
}

}  // namespace replicache::engine
