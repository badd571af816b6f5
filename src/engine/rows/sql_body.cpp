#include "engine/rows/sql_body.h"

extern "C" {
#include "catalog/pg_proc.h"
#include "executor/functions.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
}

// Nothing in this file has a destructor. Compare init_sql_fcache in executor/functions.c.
namespace replicache::engine {
namespace {

// A body that was analyzed when the function was created.
List* stored(Datum body, int most) {
    Node* const tree = static_cast<Node*>(stringToNode(TextDatumGetCString(body)));
    List* const queries = IsA(tree, List) ? linitial_node(List, reinterpret_cast<List*>(tree)) : list_make1(tree);
    if (list_length(queries) > most) return NIL;
    ListCell* cell;
    foreach (cell, queries) AcquireRewriteLocks(lfirst_node(Query, cell), true, false);
    return queries;
}

// A text that each call analyzes.
List* analyzed(HeapTuple function, const char* source, int most) {
    List* const statements = pg_parse_query(source);
    if (list_length(statements) > most) return NIL;
    SQLFunctionParseInfoPtr const parameters = prepare_sql_fn_parse_info(function, nullptr, InvalidOid);
    const auto setup = reinterpret_cast<ParserSetupHook>(sql_fn_parser_setup);
    List* queries = NIL;
    ListCell* cell;
    foreach (cell, statements)
        queries = lappend(queries, parse_analyze_withcb(lfirst_node(RawStmt, cell), source, setup, parameters, nullptr));
    return queries;
}

}  // namespace

SqlBody sql_body(HeapTuple function, int most) {
    bool null;
    const char* const source = TextDatumGetCString(SysCacheGetAttr(PROCOID, function, Anum_pg_proc_prosrc, &null));
    const Datum body = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_prosqlbody, &null);
    return {.queries = null ? analyzed(function, source, most) : stored(body, most), .source = source};
}

}  // namespace replicache::engine
