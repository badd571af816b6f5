#include "engine/upkeep/written_tables.h"

#include "base/sqlstate.h"
#include "pg/subtransaction.h"

extern "C" {
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// Nothing from here to the next comment has a destructor. It raises PostgreSQL errors.
struct Target {
    Oid relation;
    const char *schema, *name, *right;
};

struct Targets {
    static constexpr int most = 100;
    Target list[most];
    int count = 0;
    void add(const Target& target) {
        if (count < most) list[count++] = target;
    }
    void add(const RangeVar& table, const char* right) { add({InvalidOid, table.schemaname, table.relname, right}); }
    void add(const Query& query, const char* right) { add({rt_fetch(query.resultRelation, query.rtable)->relid, nullptr, nullptr, right}); }
};

void add_merge(Targets& targets, const RangeVar* table, const Query* query, List* actions) {
    ListCell* cell;
    foreach (cell, actions) {
        auto* const action = static_cast<Node*>(lfirst(cell));
        const CmdType command = IsA(action, MergeWhenClause) ? reinterpret_cast<MergeWhenClause*>(action)->commandType
                                                             : castNode(MergeAction, action)->commandType;
        const char* const right = command == CMD_INSERT   ? "INSERT"
                                  : command == CMD_UPDATE ? "UPDATE"
                                  : command == CMD_DELETE ? "DELETE"
                                                          : nullptr;
        if (right == nullptr) continue;
        table != nullptr ? targets.add(*table, right) : targets.add(*query, right);
    }
}

// Statements as they were written.
bool walk_text(Node* node, void* context) {
    if (node == nullptr) return false;
    auto& targets = *static_cast<Targets*>(context);
    switch (nodeTag(node)) {
        case T_InsertStmt: {
            const auto& insert = *reinterpret_cast<InsertStmt*>(node);
            targets.add(*insert.relation, "INSERT");
            if (insert.onConflictClause != nullptr && insert.onConflictClause->action == ONCONFLICT_UPDATE)
                targets.add(*insert.relation, "UPDATE");
            break;
        }
        case T_UpdateStmt: targets.add(*reinterpret_cast<UpdateStmt*>(node)->relation, "UPDATE"); break;
        case T_DeleteStmt: targets.add(*reinterpret_cast<DeleteStmt*>(node)->relation, "DELETE"); break;
        case T_MergeStmt: {
            const auto& merge = *reinterpret_cast<MergeStmt*>(node);
            add_merge(targets, merge.relation, nullptr, merge.mergeWhenClauses);
            break;
        }
        default: break;
    }
    return raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk_text)), context);
}

void look_at_text(const char* source, Targets& targets) {
    ListCell* cell;
    foreach (cell, raw_parser(source, RAW_PARSE_DEFAULT)) {
        Node* const statement = lfirst_node(RawStmt, cell)->stmt;
        if (IsA(statement, SelectStmt) || IsA(statement, InsertStmt) || IsA(statement, UpdateStmt) || IsA(statement, DeleteStmt) ||
            IsA(statement, MergeStmt))
            walk_text(statement, &targets);
    }
}

// Statements that were analyzed when the function was created.
bool walk_query(Node* node, void* context) {
    if (node == nullptr) return false;
    if (!IsA(node, Query))
        return expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk_query)), context);
    auto& targets = *static_cast<Targets*>(context);
    auto* const query = reinterpret_cast<Query*>(node);
    switch (query->commandType) {
        case CMD_INSERT:
            targets.add(*query, "INSERT");
            if (query->onConflict != nullptr && query->onConflict->action == ONCONFLICT_UPDATE) targets.add(*query, "UPDATE");
            break;
        case CMD_UPDATE: targets.add(*query, "UPDATE"); break;
        case CMD_DELETE: targets.add(*query, "DELETE"); break;
        case CMD_MERGE: add_merge(targets, nullptr, query, query->mergeActionList); break;
        default: break;
    }
    return query_tree_walker(query, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk_query)), context, 0);
}

void look_at(Oid function, Targets& targets) {
    HeapTuple const tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) return;
    if (reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang == SQLlanguageId) {
        bool null;
        const Datum body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &null);
        if (null)
            look_at_text(TextDatumGetCString(SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &null)), targets);
        else
            walk_query(static_cast<Node*>(stringToNode(TextDatumGetCString(body))), &targets);
    }
    ReleaseSysCache(tuple);
}

}  // namespace

// From here on, C++ again.
std::vector<WrittenTable> written_tables(Oid function) {
    Targets* targets = nullptr;
    auto error = pg::attempt([&] {
        targets = guarded([function] {
            auto* const found = new (palloc(sizeof(Targets))) Targets{};
            look_at(function, *found);
            return found;
        });
    });
    // The parser has many errors for a body that is wrong, or too deep. They are for whoever calls the function.
    if (error && sqlstate::is_temporary(error->sqlerrcode())) throw std::move(*error);
    if (error) return {};
    std::vector<WrittenTable> tables;
    for (int i = 0; i < targets->count; ++i) {
        const Target& target = targets->list[i];
        tables.push_back(
            {target.relation, target.schema == nullptr ? "" : target.schema, target.name == nullptr ? "" : target.name, target.right});
    }
    return tables;
}

}  // namespace replicache::engine
