// What is wrong with row-level security of tracked tables.
#include "engine/upkeep/check.h"
#include "pg/own_table.h"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/syscache.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::OwnStatement;

// Nothing from here to the next comment has a destructor. It raises PostgreSQL errors.
struct Seen {
    const char* scans = nullptr;  // what makes PostgreSQL look at every row. Null: nothing
    Oid function = InvalidOid;    // that is called for each row
    bool reads_tables = false;    // others than its own
};

bool names_tables(const Query& query) {
    ListCell* cell;
    foreach (cell, query.rtable)
        if (lfirst_node(RangeTblEntry, cell)->rtekind == RTE_RELATION) return true;
    return false;
}

// A function in a policy of a table in the schema of others, with columns of the row as arguments.
bool is_called_for_each_row(const FuncExpr& call) {
    return call.funcid >= FirstNormalObjectId && func_volatile(call.funcid) != PROVOLATILE_IMMUTABLE &&
           contain_vars_of_level(reinterpret_cast<Node*>(call.args), 0);
}

bool walk(Node* node, void* context) {
    if (node == nullptr || IsA(node, Query)) return false;
    auto& seen = *static_cast<Seen*>(context);
    if (IsA(node, SubLink)) {
        const auto& link = *reinterpret_cast<SubLink*>(node);
        if (names_tables(*castNode(Query, link.subselect))) {
            seen.reads_tables = true;
            if (link.subLinkType == ANY_SUBLINK || link.subLinkType == ALL_SUBLINK)
                seen.scans = "compares by IN with a subquery";
            else if (contain_vars_of_level(link.subselect, 1))
                seen.scans = "has a subquery that depends on the row, such as EXISTS (SELECT …)";
        }
    }
    if (IsA(node, FuncExpr) && is_called_for_each_row(*reinterpret_cast<FuncExpr*>(node)))
        seen.function = reinterpret_cast<FuncExpr*>(node)->funcid;
    return expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk)), context);
}

Seen look_at(const char* expression) {
    Seen seen;
    walk(static_cast<Node*>(stringToNode(expression)), &seen);
    return seen;
}

// From here on, C++ again.
std::string name_of_function(Oid function) {
    static OwnStatement query("SELECT $1::pg_catalog.regprocedure::pg_catalog.text", {OIDOID});
    return pg::required(query.run({pg::value(ObjectIdGetDatum(function))}).text(0, 1));
}

void add_expressions(Findings& findings) {
    static OwnStatement query(
        R"(
            SELECT c.relowner, c.oid::pg_catalog.regclass::pg_catalog.text, p.polname::pg_catalog.text, p.polqual::pg_catalog.text,
                r.private, r.part_column IS NOT NULL
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            JOIN pg_catalog.pg_policy p ON p.polrelid OPERATOR(pg_catalog.=) c.oid
            WHERE c.relrowsecurity
              AND p.polcmd OPERATOR(pg_catalog.=) ANY ('{r,*}'::pg_catalog."char"[])
              AND p.polqual IS NOT NULL)",
        {});
    const pg::Rows rows = query.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const std::string expression = pg::required(rows.text(i, 4));
        const Seen seen = guarded([text = expression.c_str()] { return look_at(text); });
        const std::string policy = "The policy " + pg::quote_identifier(pg::required(rows.text(i, 3)));
        const bool is_private = DatumGetBool(rows.get(i, 5).datum), has_parts = DatumGetBool(rows.get(i, 6).datum);
        const std::string scans = seen.scans != nullptr       ? seen.scans
                                  : OidIsValid(seen.function) ? "calls " + name_of_function(seen.function) + " for each row"
                                                              : "";
        if (is_private && !scans.empty())
            findings.add(rows.oid(i, 1),
                         {Severity::note, "policy_scans", pg::required(rows.text(i, 2)),
                          policy + " " + scans + ". Each pull may read the whole table.",
                          "Compare a column with = ANY (ARRAY(SELECT …)), and create an index that begins with this column."});
        if (!is_private && !has_parts && seen.reads_tables)
            findings.add(rows.oid(i, 1),
                         {Severity::note, "not_private", pg::required(rows.text(i, 2)),
                          policy + " reads a table. If that table changes, clients do not learn that rows have appeared or vanished.",
                          "Call replicache.track_table with private => true."});
    }
}

void add_private_tables(Findings& findings) {
    static OwnStatement query(
        R"(
            SELECT c.relowner, c.oid::pg_catalog.regclass::pg_catalog.text,
                'It is private, but it has neither row-level security nor a filter. Each user sees all rows.',
                pg_catalog.format('Call ALTER TABLE %s ENABLE ROW LEVEL SECURITY, or track it without private.', c.oid::pg_catalog.regclass)
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            WHERE r.private
              AND r.filter IS NULL
              AND NOT c.relrowsecurity)",
        {});
    static OwnStatement asleep(
        R"(
            SELECT c.relowner, c.oid::pg_catalog.regclass::pg_catalog.text,
                'It has policies, but row-level security is off. They have no effect.',
                pg_catalog.format('Call ALTER TABLE %s ENABLE ROW LEVEL SECURITY.', c.oid::pg_catalog.regclass)
            FROM replicache.tracked_table r
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation::pg_catalog.oid
            WHERE NOT c.relrowsecurity
              AND EXISTS (
                SELECT
                FROM pg_catalog.pg_policy p
                WHERE p.polrelid OPERATOR(pg_catalog.=) c.oid))",
        {});
    findings.add(Severity::warning, "private_without_policies", query.run({}));
    findings.add(Severity::warning, "policies_without_effect", asleep.run({}));
}

}  // namespace

void check_policies(Findings& findings) {
    add_expressions(findings);
    add_private_tables(findings);
}

}  // namespace replicache::engine
