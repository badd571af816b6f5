// What is wrong with tracked tables.
#include "engine/table/canonical_space.h"
#include "engine/tracking/change.h"
#include "engine/tracking/space_warning.h"
#include "engine/tracking/trackable.h"
#include "engine/tracking/tracking_faults.h"
#include "engine/tracking/version_index.h"
#include "engine/upkeep/check.h"
#include "pg/own_table.h"

extern "C" {
#include "catalog/pg_class.h"
#include "utils/syscache.h"
}

namespace replicache::engine {
namespace {

using pg::OwnStatement;

// InvalidOid: there is no such relation.
Oid owner_of(Oid relation) {
    return pg::guarded([relation] {
        HeapTuple const row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
        if (!HeapTupleIsValid(row)) return InvalidOid;
        const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner;
        ReleaseSysCache(row);
        return owner;
    });
}

void add_faults(Findings& findings) {
    for (const TrackingFault& fault : tracking_faults())
        findings.add(owner_of(fault.relation),
                     {Severity::error, "tracking_fault", OidIsValid(fault.relation) ? pg::qualified_name(fault.relation) : "",
                      fault.problem + ". " + fault.detail, fault.hint});
}

std::string listed(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + pg::quote_identifier(name);
    return list;
}

// Columns that the options name.
std::vector<std::string> named_columns(const TrackedTable& table) {
    std::vector<std::string> names = naming_columns(table);
    for (const std::string& name : {table.deleted, table.version})
        if (!name.empty()) names.push_back(name);
    names.insert(names.end(), table.columns.begin(), table.columns.end());
    return names;
}

void add_columns(Findings& findings, const TrackedTable& table, Oid owner, const std::vector<TableColumn>& columns) {
    const std::string name = pg::qualified_name(table.relation);
    std::vector<std::string> missing = named_columns(table);
    std::erase_if(missing, [&columns](const std::string& column) { return find_column(columns, column) != nullptr; });
    std::sort(missing.begin(), missing.end());
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    if (!missing.empty()) {
        findings.add(owner, {Severity::error, "missing_column", name,
                             "It is tracked with columns that it does not have: " + listed(missing) + ". Pulls fail.",
                             "Call replicache.track_table again, with columns that the table has."});
        return;
    }
    const std::vector<std::string> key = KeyTemplate::parse(table.key).columns();
    if (identifies_rows(table.relation, key) && !identifies_rows(table.relation, key, Unique::at_any_time))
        findings.add(owner,
                     {Severity::warning, "deferrable_key", name,
                      "The unique index for its key is deferrable. If two rows have the same key within a transaction and one of them "
                      "is deleted, clients may lose the other one.",
                      "Call CREATE UNIQUE INDEX ON " + name + " (" + listed(key) + ")."});
    for (const std::string& column : SpaceName::of(table).columns())
        if (!find_column(columns, column)->not_null)
            findings.add(owner, {Severity::warning, "nullable_space", name,
                                 "The column " + pg::quote_identifier(column) +
                                     " names the space and may be null. A row in which it is null is refused.",
                                 "Call ALTER TABLE " + name + " ALTER COLUMN " + pg::quote_identifier(column) + " SET NOT NULL."});
    if (!has_version_index(table))
        findings.add(owner, {Severity::warning, "no_version_index", name,
                             "It has no index that finds changed rows. Each pull reads the whole table.",
                             "Call CREATE INDEX ON " + name + " (" + listed(version_index(table)) + ")."});
}

void add_tables(Findings& findings) {
    for (const TrackedTable& table : tracked_tables()) {
        pg::check_interrupts();
        const Oid owner = owner_of(table.relation);
        if (!OidIsValid(owner) || table.relation == pg::own_relation("mutation_error") || !findings.shows(owner)) continue;
        add_columns(findings, table, owner, columns_of(table.relation));
    }
}

constexpr std::size_t most_named = 3;

// A few of them by name.
std::string summary(const std::vector<Oid>& relations) {
    std::vector<std::string> names;
    names.reserve(relations.size());
    for (const Oid relation : relations) names.push_back(pg::qualified_name(relation));
    std::sort(names.begin(), names.end());
    std::string list;
    for (std::size_t i = 0; i < std::min(names.size(), most_named); ++i) list += (i == 0 ? "" : ", ") + names[i];
    return names.size() > most_named ? list + " and " + std::to_string(names.size() - most_named) + " more" : list;
}

void add_shared_spaces(Findings& findings) {
    for (const SharedSpaces& shared : shared_spaces()) {
        std::pair<std::string, std::string> sides[2];  // tables, and what names their spaces
        bool shown = true;
        for (int side = 0; side < 2; ++side) {
            for (const Oid relation : shared.tables[side]) shown = shown && findings.shows(owner_of(relation));
            sides[side] = {summary(shared.tables[side]), pg::quote_literal(shared.names[side])};
        }
        if (sides[1] < sides[0]) std::swap(sides[0], sides[1]);
        if (shown)
            findings.add(
                InvalidOid,
                {Severity::note, "shared_spaces", sides[0].first,
                 "Rows could be in the same spaces as rows of " + sides[1].first + ": " + sides[0].second + " and " + sides[1].second +
                     " can give the same text. Clients that may read one then get the other.",
                 "If the columns mean different things, call replicache.track_table with a template that begins with a text of its "
                 "own, such as space => 'team/{team_id}'."});
    }
}

// A name such as passwordHash counts as password_hash.
void add_secrets(Findings& findings) {
    static OwnStatement query(
        R"(
            SELECT c.relowner, c.oid::pg_catalog.regclass::pg_catalog.text,
                pg_catalog.format('Clients get the column %I with each row, because the value has all columns.', a.attname),
                'Call replicache.track_table with columns, and leave it out. If clients may have it, name it there.'
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
                AND a.attnum OPERATOR(pg_catalog.>) 0
                AND NOT a.attisdropped
            WHERE r.value IS NULL
              AND r.columns IS NULL
              AND a.attname OPERATOR(pg_catalog.<>) r.version_column
              AND (r.deleted_column IS NULL OR a.attname OPERATOR(pg_catalog.<>) r.deleted_column)
              AND pg_catalog.regexp_replace(a.attname::pg_catalog.text, '([a-z0-9])([A-Z])', '\1_\2', 'g') OPERATOR(pg_catalog.~*)
                  '(^|[^a-z])(passwords?|passwd|pwd|passphrase|secrets?|tokens?|hash|salt|api[^a-z]?keys?|private[^a-z]?keys?|totp|otp)([^a-z]|$)')",
        {});
    findings.add(Severity::warning, "secret_column", query.run({}));
}

// PostgreSQL fires triggers in the order of their names, by bytes.
void add_late_triggers(Findings& findings) {
    static OwnStatement query(
        R"(
            SELECT c.relowner, c.oid::pg_catalog.regclass::pg_catalog.text,
                pg_catalog.format('The trigger %I fires after those of the extension. Clients may not get what it changes.', t.tgname),
                pg_catalog.format('Call ALTER TRIGGER %I ON %s RENAME TO a name that begins with an ASCII letter.', t.tgname, c.oid::pg_catalog.regclass)
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            JOIN pg_catalog.pg_trigger t ON t.tgrelid OPERATOR(pg_catalog.=) c.oid
            WHERE t.tgfoid OPERATOR(pg_catalog.<>) $1
              AND NOT t.tgisinternal
              AND t.tgname::pg_catalog.text COLLATE "C" OPERATOR(pg_catalog.>) $2
              AND t.tgtype::pg_catalog.int4 OPERATOR(pg_catalog.&) 3 OPERATOR(pg_catalog.=) 3
              AND t.tgtype::pg_catalog.int4 OPERATOR(pg_catalog.&) 20 OPERATOR(pg_catalog.<>) 0)",  // BEFORE, ROW; INSERT or UPDATE
        {OIDOID, TEXTOID});
    findings.add(Severity::warning, "late_trigger",
                 query.run({pg::value(ObjectIdGetDatum(pg::own_function("on_change"))), pg::value(std::string_view(trigger_name::stamp))}));
}

void add_replication(Findings& findings) {
    static OwnStatement subscribed(
        R"(
            SELECT c.relowner, c.oid::pg_catalog.regclass::pg_catalog.text,
                'Logical replication writes it, and the triggers of the extension do not fire for that. Its changes go unnoticed.',
                pg_catalog.format('Call ALTER TABLE %s ENABLE ALWAYS TRIGGER for all triggers of the extension, and then replicache.retrack(%L).',
                    c.oid::pg_catalog.regclass, c.oid::pg_catalog.regclass)
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            WHERE EXISTS (
                SELECT
                FROM pg_catalog.pg_subscription_rel s
                WHERE s.srrelid OPERATOR(pg_catalog.=) c.oid)
              AND EXISTS (
                SELECT
                FROM pg_catalog.pg_trigger t
                WHERE t.tgrelid OPERATOR(pg_catalog.=) c.oid
                  AND t.tgfoid OPERATOR(pg_catalog.=) $1
                  AND t.tgenabled OPERATOR(pg_catalog.=) 'O'::pg_catalog."char"))",
        {OIDOID});
    static OwnStatement published(
        R"(
            SELECT p.pubowner, pg_catalog.quote_ident(p.pubname),
                'The publication is FOR ALL TABLES, so it sends the bookkeeping of the extension, too. That of a subscriber is another one.',
                'Publish tables by name.'
            FROM pg_catalog.pg_publication p
            WHERE p.puballtables)",
        {});
    findings.add(Severity::error, "subscribed_table", subscribed.run({pg::value(ObjectIdGetDatum(pg::own_function("on_change")))}));
    findings.add(Severity::warning, "publication_of_all_tables", published.run({}));
}

}  // namespace

void check_tables(Findings& findings) {
    add_faults(findings);
    add_tables(findings);
    add_shared_spaces(findings);
    add_secrets(findings);
    add_late_triggers(findings);
    add_replication(findings);
}

}  // namespace replicache::engine
