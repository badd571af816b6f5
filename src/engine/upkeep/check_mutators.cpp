// What is wrong with mutators and with functions of queries.
#include "engine/upkeep/check.h"
#include "engine/upkeep/written_tables.h"
#include "pg/array.h"
#include "pg/identity.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::value;

struct Functions {
    std::vector<std::string> names;  // of the mutators
    std::vector<Oid> oids;           // of their functions, in the same order
};

std::string call(const char* function, const std::string& name) {
    return "replicache." + std::string(function) + "(" + pg::quote_literal(name) + ")";
}

void add_missing(Findings& findings, const char* kind, const char* unregister, const std::string& name, const std::string& signature) {
    findings.add(InvalidOid,
                 {Severity::error, "missing_function", std::string(kind) + " " + pg::quote_literal(name),
                  "Its function " + signature + " does not exist.", "Create the function, or call " + call(unregister, name) + "."});
}

Functions add_registered(Findings& findings) {
    static OwnStatement mutators("SELECT name, function FROM replicache.mutator ORDER BY name", {});
    static OwnStatement queries("SELECT name, function FROM replicache.query WHERE function IS NOT NULL ORDER BY name", {});
    Functions functions;
    pg::Rows rows = mutators.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        pg::check_interrupts();
        const std::string name = pg::required(rows.text(i, 1)), signature = pg::required(rows.text(i, 2));
        if (const Oid function = pg::find_function(signature); OidIsValid(function)) {
            functions.names.push_back(name);
            functions.oids.push_back(function);
        } else
            add_missing(findings, "mutator", "unregister_mutator", name, signature);
    }
    rows = queries.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        if (!OidIsValid(pg::find_function(pg::required(rows.text(i, 2)))))
            add_missing(findings, "query", "unregister_query", pg::required(rows.text(i, 1)), pg::required(rows.text(i, 2)));
    return functions;
}

void add_definers(Findings& findings, const Functions& functions) {
    static OwnStatement query(
        R"(
            SELECT p.proowner, pg_catalog.format('mutator %L', m.name),
                pg_catalog.format('%s is SECURITY DEFINER without a search_path. The caller''s search_path decides what names in it mean, and it runs with the rights of its owner.', p.oid::pg_catalog.regprocedure),
                pg_catalog.format('Call ALTER FUNCTION %s SET search_path = …, pg_temp.', p.oid::pg_catalog.regprocedure)
            FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS m(name, function)
            JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) m.function
            WHERE p.prosecdef
              AND p.prosqlbody IS NULL
              AND NOT EXISTS (
                SELECT
                FROM pg_catalog.unnest(p.proconfig) c
                WHERE c OPERATOR(pg_catalog.^@) 'search_path='))",
        {TEXTARRAYOID, OIDARRAYOID});
    static OwnStatement open(
        R"(
            SELECT p.proowner, pg_catalog.format('mutator %L', m.name),
                pg_catalog.format('%s is SECURITY DEFINER, and PUBLIC may execute it. So each role of the database can call it, with any arguments.', p.oid::pg_catalog.regprocedure),
                pg_catalog.format('Call REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, and grant it to the roles that push.', p.oid::pg_catalog.regprocedure)
            FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS m(name, function)
            JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) m.function
            WHERE p.prosecdef
              AND pg_catalog.has_function_privilege('public'::pg_catalog.name, p.oid, 'EXECUTE'))",
        {TEXTARRAYOID, OIDARRAYOID});
    const pg::Value names = value(pg::text_array(functions.names)), oids = value(pg::oid_array(functions.oids));
    findings.add(Severity::warning, "definer_without_search_path", query.run({names, oids}));
    findings.add(Severity::warning, "definer_for_public", open.run({names, oids}));
}

// What the functions of mutators write.
struct Written {
    std::vector<Oid> functions, relations;  // belong together
    std::vector<std::string> rights;        // INSERT, UPDATE or DELETE
};
struct AllWritten {
    Written untracked, perhaps_untracked, sure;
};

// Of functions in SQL, statements are known, and names with a schema. The text of other functions is searched for the words of statements.
// A name counts as tracked if one of the tables with this name is.
AllWritten find_written(const Functions& functions) {
    static OwnStatement query(R"sql(
            WITH RECURSIVE named AS MATERIALIZED (
                SELECT n.function, n.relation, NULLIF(n.schema, '') AS schema, n.name, n.right, true AS is_sql
                FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6))
                    AS n(function, relation, schema, name, "right")
                UNION
                SELECT p.oid, 0::pg_catalog.oid, COALESCE(pg_catalog.replace(m[2], '""', '"'), pg_catalog.lower(m[3])),
                    COALESCE(pg_catalog.replace(m[4], '""', '"'), pg_catalog.lower(m[5])), pg_catalog.upper(pg_catalog.substr(m[1], 1, 6)), false
                FROM pg_catalog.pg_proc p
                JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
                    AND l.lanname OPERATOR(pg_catalog.<>) ALL ('{sql,c,internal}'::pg_catalog.name[])
                CROSS JOIN LATERAL pg_catalog.regexp_matches(p.prosrc,
                    '\m(insert\s+into|update|delete\s+from)\s+(?:only\s+)?(?:(?:"((?:[^"]|"")+)"|([[:alpha:]_][[:alnum:]_$]*))\s*\.\s*)?(?:"((?:[^"]|"")+)"|([[:alpha:]_][[:alnum:]_$]*))', 'gi') AS m
                WHERE p.oid OPERATOR(pg_catalog.=) ANY ($1)),
            tracked (relation) AS (
                SELECT relation::pg_catalog.oid
                FROM replicache.tracked_table
                UNION
                SELECT i.inhrelid
                FROM tracked t
                JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) t.relation
                JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid AND c.relispartition),
            own AS MATERIALIZED (
                SELECT c.oid, c.relname::pg_catalog.text AS name, s.nspname::pg_catalog.text AS schema
                FROM pg_catalog.pg_class c
                JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
                WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
                  AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
                  AND s.nspname::pg_catalog.text OPERATOR(pg_catalog.<>) ALL ('{replicache,pg_catalog,information_schema}'::pg_catalog.text[])),
            candidate AS (
                SELECT n.*, o.oid
                FROM named n
                JOIN own o ON o.oid OPERATOR(pg_catalog.=) n.relation
                UNION ALL
                SELECT n.*, o.oid
                FROM named n
                JOIN own o ON o.name OPERATOR(pg_catalog.=) n.name
                WHERE n.schema IS NULL OR o.schema OPERATOR(pg_catalog.=) n.schema)
            SELECT c.function, pg_catalog.min(c.oid), c.right, pg_catalog.bool_or(t.relation IS NOT NULL),
                c.is_sql AND (c.schema IS NOT NULL OR c.relation OPERATOR(pg_catalog.<>) 0::pg_catalog.oid)
            FROM candidate c
            LEFT JOIN tracked t ON t.relation OPERATOR(pg_catalog.=) c.oid
            GROUP BY c.function, c.right, c.is_sql, c.schema, c.name, c.relation)sql",
                              {OIDARRAYOID, OIDARRAYOID, OIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
    std::vector<Oid> callers, relations;
    std::vector<std::string> schemas, names, rights;
    for (const Oid function : functions.oids) {
        pg::check_interrupts();
        for (const WrittenTable& table : written_tables(function)) {
            callers.push_back(function);
            relations.push_back(table.relation);
            schemas.push_back(table.schema);
            names.push_back(table.name);
            rights.push_back(table.right);
        }
    }
    const pg::Rows rows = query.run({value(pg::oid_array(functions.oids)), value(pg::oid_array(callers)), value(pg::oid_array(relations)),
                                     value(pg::text_array(schemas)), value(pg::text_array(names)), value(pg::text_array(rights))});
    AllWritten all;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const bool tracked = DatumGetBool(rows.get(i, 4).datum), sure = DatumGetBool(rows.get(i, 5).datum);
        for (Written* const list : {tracked ? nullptr : sure ? &all.untracked : &all.perhaps_untracked, sure ? &all.sure : nullptr}) {
            if (list == nullptr) continue;
            list->functions.push_back(rows.oid(i, 1));
            list->relations.push_back(rows.oid(i, 2));
            list->rights.push_back(pg::required(rows.text(i, 3)));
        }
    }
    return all;
}

void add_untracked(Findings& findings, const Functions& functions, const Written& written, std::string_view perhaps) {
    static OwnStatement query(
        R"(
            SELECT DISTINCT p.proowner, pg_catalog.format('mutator %L', m.name),
                pg_catalog.format('%s%s writes %s, which is not tracked. Clients do not get its rows.', $5, p.oid::pg_catalog.regprocedure, w.relation::pg_catalog.regclass),
                pg_catalog.format('If clients should get them, call replicache.track_table(%L).', w.relation::pg_catalog.regclass)
            FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS m(name, function)
            JOIN ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS w(function, relation) ON w.function OPERATOR(pg_catalog.=) m.function
            JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) m.function)",
        {TEXTARRAYOID, OIDARRAYOID, OIDARRAYOID, OIDARRAYOID, TEXTOID});
    findings.add(Severity::note, "untracked_write",
                 query.run({value(pg::text_array(functions.names)), value(pg::oid_array(functions.oids)),
                            value(pg::oid_array(written.functions)), value(pg::oid_array(written.relations)), value(perhaps)}));
}

void add_written(Findings& findings, const Functions& functions, const Written& written, const Roles& roles) {
    static OwnStatement query(
        R"(
            SELECT DISTINCT p.proowner, pg_catalog.format('role %I', o.rolname),
                pg_catalog.format('It may execute the mutator %L, but may not %s rows of %s. Such mutations are rejected.', m.name, w.right, w.relation::pg_catalog.regclass),
                pg_catalog.format('Call GRANT %s ON %s TO %I.', w.right, w.relation::pg_catalog.regclass, o.rolname)
            FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS m(name, function)
            JOIN ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5)) AS w(function, relation, "right")
                ON w.function OPERATOR(pg_catalog.=) m.function
            JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) m.function AND NOT p.prosecdef
            JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) ANY ($6)
            WHERE pg_catalog.has_function_privilege(o.oid, p.oid, 'EXECUTE')
              AND NOT CASE
                  WHEN w.right OPERATOR(pg_catalog.=) 'DELETE' THEN pg_catalog.has_table_privilege(o.oid, w.relation, 'DELETE')
                  ELSE pg_catalog.has_any_column_privilege(o.oid, w.relation, w.right)
              END)",
        {TEXTARRAYOID, OIDARRAYOID, OIDARRAYOID, OIDARRAYOID, TEXTARRAYOID, OIDARRAYOID});
    findings.add(
        Severity::error, "missing_right",
        query.run({value(pg::text_array(functions.names)), value(pg::oid_array(functions.oids)), value(pg::oid_array(written.functions)),
                   value(pg::oid_array(written.relations)), value(pg::text_array(written.rights)), value(pg::oid_array(roles.pushing))}));
}

void add_execute(Findings& findings, const Functions& functions, const Roles& roles) {
    static OwnStatement query(
        R"(
            SELECT p.proowner, pg_catalog.format('role %I', o.rolname),
                pg_catalog.format('It may not execute %s, the function of the mutator %L. A push with such a mutation fails.', p.oid::pg_catalog.regprocedure, m.name),
                pg_catalog.format('Call GRANT EXECUTE ON FUNCTION %s TO %I.', p.oid::pg_catalog.regprocedure, o.rolname)
            FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS m(name, function)
            JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) m.function
            JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) ANY ($3)
            WHERE NOT pg_catalog.has_function_privilege(o.oid, p.oid, 'EXECUTE'))",
        {TEXTARRAYOID, OIDARRAYOID, OIDARRAYOID});
    findings.add(
        Severity::error, "missing_right",
        query.run({value(pg::text_array(functions.names)), value(pg::oid_array(functions.oids)), value(pg::oid_array(roles.pushing))}));
}

}  // namespace

void check_mutators(Findings& findings, const Roles& roles) {
    const Functions functions = add_registered(findings);
    add_definers(findings, functions);
    const AllWritten written = find_written(functions);
    add_untracked(findings, functions, written.untracked, "");
    add_untracked(findings, functions, written.perhaps_untracked, "Perhaps ");
    add_written(findings, functions, written.sure, roles);
    add_execute(findings, functions, roles);
}

}  // namespace replicache::engine
