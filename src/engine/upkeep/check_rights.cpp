// Rights that the roles of applications lack, and rights that they should not have.
#include "engine/upkeep/check.h"
#include "pg/array.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::value;

// The columns that a pull reads. Those of a value expression are not looked for.
void add_pulls(Findings& findings, const pg::Value& roles) {
    static OwnStatement schemas(
        R"(
            SELECT DISTINCT s.nspowner, pg_catalog.format('role %I', o.rolname),
                pg_catalog.format('It may not use the schema %I of tracked tables. Pulls fail.', s.nspname),
                pg_catalog.format('Call GRANT USAGE ON SCHEMA %I TO %I.', s.nspname, o.rolname)
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
            JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) ANY ($1)
            WHERE NOT pg_catalog.has_schema_privilege(o.oid, s.oid, 'USAGE'))",
        {OIDARRAYOID});
    static OwnStatement columns(
        R"(
            SELECT c.relowner, pg_catalog.format('role %I', o.rolname),
                pg_catalog.format('It may not SELECT %s of %s. Pulls fail.', l.list, c.oid::pg_catalog.regclass),
                pg_catalog.format('Call GRANT SELECT ON %s TO %I.', c.oid::pg_catalog.regclass, o.rolname)
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) ANY ($1)
                AND NOT pg_catalog.has_table_privilege(o.oid, c.oid, 'SELECT')
            CROSS JOIN LATERAL (
                SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) AS list
                FROM pg_catalog.pg_attribute a
                WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
                  AND a.attnum OPERATOR(pg_catalog.>) 0
                  AND NOT a.attisdropped
                  AND NOT pg_catalog.has_column_privilege(o.oid, c.oid, a.attnum, 'SELECT')
                  AND (a.attname OPERATOR(pg_catalog.=) ANY (ARRAY[r.version_column, r.deleted_column, r.part_column, r.space_column])
                    OR a.attname::pg_catalog.text OPERATOR(pg_catalog.=) ANY (r.columns)
                    OR (r.value IS NULL AND r.columns IS NULL)
                    OR pg_catalog.strpos(r.key, '{' OPERATOR(pg_catalog.||) a.attname::pg_catalog.text OPERATOR(pg_catalog.||) '}') OPERATOR(pg_catalog.>) 0
                    OR pg_catalog.strpos(r.space_column::pg_catalog.text, '{' OPERATOR(pg_catalog.||) a.attname::pg_catalog.text OPERATOR(pg_catalog.||) '}') OPERATOR(pg_catalog.>) 0)) l
            WHERE l.list IS NOT NULL)",
        {OIDARRAYOID});
    findings.add(Severity::error, "missing_right", schemas.run({roles}));
    findings.add(Severity::error, "missing_right", columns.run({roles}));
}

void add_exposed(Findings& findings, const pg::Value& roles) {
    static OwnStatement query(
        R"(
            SELECT c.relowner, pg_catalog.format('role %I', o.rolname),
                pg_catalog.format('It may not %s rows of %s, which clients may write as %L. Such changes are rejected.', p.right, c.oid::pg_catalog.regclass, e.name),
                pg_catalog.format('Call GRANT %s ON %s TO %I, or expose the table without %s.', p.right, c.oid::pg_catalog.regclass, o.rolname, pg_catalog.lower(p.right))
            FROM replicache.exposed_table e
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) e.relation::pg_catalog.oid
            JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) ANY ($1)
            CROSS JOIN LATERAL (SELECT pg_catalog.upper(u.operation) AS "right" FROM pg_catalog.unnest(e.operations) AS u(operation)) p
            WHERE NOT CASE
                WHEN p.right OPERATOR(pg_catalog.=) 'DELETE' THEN pg_catalog.has_table_privilege(o.oid, c.oid, 'DELETE')
                ELSE pg_catalog.has_any_column_privilege(o.oid, c.oid, p.right)
            END)",
        {OIDARRAYOID});
    findings.add(Severity::error, "missing_right", query.run({roles}));
}

void add_bypass(Findings& findings, const pg::Value& roles) {
    static OwnStatement query(
        R"(
            SELECT c.relowner, pg_catalog.format('role %I', o.rolname),
                pg_catalog.format('Row-level security of %s does not bind it, because it %s.', c.oid::pg_catalog.regclass,
                    CASE WHEN o.rolsuper THEN 'is a superuser' WHEN o.rolbypassrls THEN 'has BYPASSRLS' ELSE 'owns the table' END),
                CASE WHEN o.rolsuper OR o.rolbypassrls THEN 'Push and pull as another role.'
                    ELSE pg_catalog.format('Push and pull as another role, or call ALTER TABLE %s FORCE ROW LEVEL SECURITY.', c.oid::pg_catalog.regclass)
                END
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid AND c.relrowsecurity
            JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) ANY ($1)
            WHERE o.rolsuper
               OR o.rolbypassrls
               OR (NOT c.relforcerowsecurity AND pg_catalog.pg_has_role(o.oid, c.relowner, 'USAGE')))",
        {OIDARRAYOID});
    findings.add(Severity::warning, "unbound_by_policies", query.run({roles}));
}

// A setting counts if it is made for the role, for the database, or for all. What a backend says when it connects is not known here.
void add_waits(Findings& findings, const pg::Value& roles) {
    static OwnStatement query(
        R"(
            SELECT 0::pg_catalog.oid, pg_catalog.format('role %I', o.rolname),
                pg_catalog.format('%s is not set for it. A transaction that stays open can use up all connections of its pool.', n.name),
                pg_catalog.format('Call ALTER ROLE %I SET %s = %L. Ignore this note if the backend sets it when it connects.', o.rolname, n.name, n.example)
            FROM pg_catalog.pg_roles o
            CROSS JOIN (VALUES ('lock_timeout', '2s'), ('idle_in_transaction_session_timeout', '30s')) AS n(name, example)
            WHERE o.oid OPERATOR(pg_catalog.=) ANY ($1)
              AND o.rolcanlogin
              AND NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_db_role_setting s
                CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c
                WHERE s.setrole OPERATOR(pg_catalog.=) ANY (ARRAY[o.oid, 0::pg_catalog.oid])
                  AND s.setdatabase OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid,
                      (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())])
                  AND c OPERATOR(pg_catalog.^@) (n.name OPERATOR(pg_catalog.||) '=')
                  AND c OPERATOR(pg_catalog.!~) '=0[a-z]*$')
              AND NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_file_settings f
                WHERE f.name OPERATOR(pg_catalog.=) n.name
                  AND f.applied
                  AND f.setting OPERATOR(pg_catalog.!~) '^0[a-z]*$'))",
        {OIDARRAYOID});
    findings.add(Severity::note, "no_timeout", query.run({roles}));
}

}  // namespace

Roles application_roles(Findings& findings, std::optional<Oid> role) {
    // $1: null for all roles that were granted one of the functions.
    static OwnStatement query(
        R"(
            WITH o AS (
                SELECT o.oid, o.rolname::pg_catalog.text AS name, ARRAY(
                    SELECT p.proname::pg_catalog.text
                    FROM pg_catalog.pg_proc p
                    WHERE p.pronamespace OPERATOR(pg_catalog.=) 'replicache'::pg_catalog.regnamespace::pg_catalog.oid
                      AND CASE WHEN $1 IS NOT NULL
                          THEN pg_catalog.has_function_privilege(o.oid, p.oid, 'EXECUTE')
                              AND pg_catalog.has_schema_privilege(o.oid, p.pronamespace, 'USAGE')
                          ELSE EXISTS (
                              SELECT
                              FROM pg_catalog.aclexplode(p.proacl) a
                              WHERE a.grantee OPERATOR(pg_catalog.=) o.oid)
                      END) AS functions
                FROM pg_catalog.pg_roles o
                WHERE CASE WHEN $1 IS NOT NULL THEN o.oid OPERATOR(pg_catalog.=) $1 ELSE NOT o.rolsuper END)
            SELECT oid, name,
                functions OPERATOR(pg_catalog.&&) '{apply_push,powersync_upload,sync_push,zero_push}'::pg_catalog.text[],
                functions OPERATOR(pg_catalog.&&) '{pull,pull_for,pull_since,sync_pull}'::pg_catalog.text[]
            FROM o)",
        {OIDOID});
    const pg::Rows rows = query.run({role ? value(ObjectIdGetDatum(*role)) : pg::Value{}});
    if (role && rows.empty()) throw pg::SqlError(ERRCODE_UNDEFINED_OBJECT, "role with OID " + std::to_string(*role) + " does not exist");
    Roles roles;
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const Oid oid = rows.oid(i, 1);
        const bool pushes = DatumGetBool(rows.get(i, 3).datum), pulls = DatumGetBool(rows.get(i, 4).datum), neither = !pushes && !pulls;
        if (neither && !role) continue;
        const std::string name = pg::quote_identifier(pg::required(rows.text(i, 2)));
        if (neither)
            findings.add(InvalidOid, {Severity::error, "missing_right", "role " + name, "It may neither push nor pull.",
                                      "Call replicache.grant_usage(" + pg::quote_literal(name) + ")."});
        roles.all.push_back(oid);
        if (pushes || neither) roles.pushing.push_back(oid);
        if (pulls || neither) roles.pulling.push_back(oid);
    }
    return roles;
}

void check_rights(Findings& findings, const Roles& roles) {
    add_pulls(findings, value(pg::oid_array(roles.pulling)));
    add_exposed(findings, value(pg::oid_array(roles.pushing)));
    add_bypass(findings, value(pg::oid_array(roles.all)));
    add_waits(findings, value(pg::oid_array(roles.all)));
}

}  // namespace replicache::engine
