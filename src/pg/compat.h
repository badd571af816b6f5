// The differences between the PostgreSQL versions that we support, with the reason for each. Call all of it guarded.
#pragma once

#include "prelude.h"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_namespace.h"
#include "common/base64.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "storage/proc.h"
#include "utils/jsonb.h"
}

#if PG_VERSION_NUM >= 160000
extern "C" {
#include "varatt.h"  // 16 took the varlena macros out of postgres.h
}
#endif

namespace replicache::pg {

// 16 replaced the checks per kind of object by generic ones.
#if PG_VERSION_NUM >= 160000
inline bool owns_relation(Oid relation) { return object_ownercheck(RelationRelationId, relation, GetUserId()); }
inline bool owns_function(Oid function) { return object_ownercheck(ProcedureRelationId, function, GetUserId()); }
inline bool may_use_schema(Oid schema, Oid role) { return object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK; }
inline bool may_execute(Oid function) { return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK; }
#else
inline bool owns_relation(Oid relation) { return pg_class_ownercheck(relation, GetUserId()); }
inline bool owns_function(Oid function) { return pg_proc_ownercheck(function, GetUserId()); }
inline bool may_use_schema(Oid schema, Oid role) { return pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK; }
inline bool may_execute(Oid function) { return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK; }
#endif

// A deferrable key cannot be the arbiter of ON CONFLICT, so it must be left out. 18 has an argument for that. Earlier versions always leave
// it out.
#if PG_VERSION_NUM >= 180000
inline Oid primary_key_index(Relation relation) { return RelationGetPrimaryKeyIndex(relation, false); }
#else
inline Oid primary_key_index(Relation relation) { return RelationGetPrimaryKeyIndex(relation); }
#endif

// Whether the operator is one of =, <>, <, <=, > and >= of an index. 18 has given the function another name.
inline bool is_comparison(Oid op) {
#if PG_VERSION_NUM >= 180000
    return get_op_index_interpretation(op) != NIL;
#else
    return get_op_btree_interpretation(op) != NIL;
#endif
}

// The sequence of an identity column. 17 takes the table instead of its OID.
inline Oid identity_sequence(Relation relation, AttrNumber column) {
#if PG_VERSION_NUM >= 170000
    return getIdentitySequence(relation, column, true);
#else
    return getIdentitySequence(RelationGetRelid(relation), column, true);
#endif
}

// 18 took out the argument that says whether a plan is run only once.
inline void run_to_end(QueryDesc* query) {
#if PG_VERSION_NUM >= 180000
    ExecutorRun(query, ForwardScanDirection, 0);
#else
    ExecutorRun(query, ForwardScanDirection, 0, true);
#endif
}

// 18 has an argument for counting scans in EXPLAIN. 19 has one for flags of the scan.
inline IndexScanDesc begin_index_scan(Relation table, Relation index, ::Snapshot snapshot, int keys) {
#if PG_VERSION_NUM >= 190000
    return index_beginscan(table, index, snapshot, nullptr, keys, 0, SO_NONE);
#elif PG_VERSION_NUM >= 180000
    return index_beginscan(table, index, snapshot, nullptr, keys, 0);
#else
    return index_beginscan(table, index, snapshot, keys, 0);
#endif
}

// 19 has an argument for flags of the scan here, too.
inline TableScanDesc begin_table_scan(Relation table, ::Snapshot snapshot) {
#if PG_VERSION_NUM >= 190000
    return table_beginscan(table, snapshot, 0, nullptr, SO_NONE);
#else
    return table_beginscan(table, snapshot, 0, nullptr);
#endif
}

// Updates a row. Returns whether no index has to change. 16 has indexes that summarize pages, which a HOT update may have to change.
#if PG_VERSION_NUM >= 160000
inline bool update_heap(Relation table, ItemPointer place, HeapTuple changed) {
    TU_UpdateIndexes indexes = TU_All;
    simple_heap_update(table, place, changed, &indexes);
    return indexes == TU_None;
}
inline bool summarizes(const IndexInfo& index) { return index.ii_Summarizing; }
#else
inline bool update_heap(Relation table, ItemPointer place, HeapTuple changed) {
    simple_heap_update(table, place, changed);
    return HeapTupleIsHeapOnly(changed);
}
inline bool summarizes(const IndexInfo&) { return false; }
#endif

// 17 moved the field into a struct.
#if PG_VERSION_NUM >= 170000
inline LocalTransactionId local_transaction() { return MyProc->vxid.lxid; }
#else
inline LocalTransactionId local_transaction() { return MyProc->lxid; }
#endif

// Whether the current role has all rights that the statement needs. 16 moved them out of the range table.
inline bool may_execute(const PlannedStmt& statement) {
#if PG_VERSION_NUM >= 160000
    return ExecCheckPermissions(statement.rtable, statement.permInfos, false);
#else
    return ExecCheckRTPerms(statement.rtable, false);
#endif
}

// 19 computes the offsets of columns once. A TupleDesc that was built by hand must be completed before rows are read by it.
inline void complete(TupleDesc row) {
#if PG_VERSION_NUM >= 190000
    TupleDescFinalize(row);
#else
    (void)row;
#endif
}

// 19 has a type for the ids of syscaches, which were plain numbers.
#if PG_VERSION_NUM >= 190000
using SyscacheId = SysCacheIdentifier;
#else
using SyscacheId = int;
#endif

// 19 keeps the result in the state.
class JsonbBuilder {
public:
#if PG_VERSION_NUM >= 190000
    void push(JsonbIteratorToken token, JsonbValue* value) { pushJsonbValue(&state_, token, value); }
    JsonbValue* result() const { return state_.result; }

private:
    JsonbInState state_{};
#else
    void push(JsonbIteratorToken token, JsonbValue* value) { result_ = pushJsonbValue(&state_, token, value); }
    JsonbValue* result() const { return result_; }

private:
    JsonbParseState* state_ = nullptr;
    JsonbValue* result_ = nullptr;
#endif
};

// 17 renamed it.
#if PG_VERSION_NUM >= 170000
inline const TransamVariablesData& transam_variables() { return *TransamVariables; }
#else
inline const VariableCacheData& transam_variables() { return *ShmemVariableCache; }
#endif

// 19 gives handlers a second argument, so SIG_IGN has another type.
#ifdef PG_SIG_IGN
inline const pqsigfunc ignore_signal = PG_SIG_IGN;
#else
inline const pqsigfunc ignore_signal = SIG_IGN;
#endif

// 18 made the bytes unsigned. Returns the length of the result. -1: it is larger than `size`, or the text is not base64.
#if PG_VERSION_NUM >= 180000
using Base64Byte = std::uint8_t;
#else
using Base64Byte = char;
#endif
inline int base64_encode(std::string_view bytes, char* text, int size) {
    return pg_b64_encode(reinterpret_cast<const Base64Byte*>(bytes.data()), static_cast<int>(bytes.size()), text, size);
}
inline int base64_decode(std::string_view text, char* bytes, int size) {
    return pg_b64_decode(text.data(), static_cast<int>(text.size()), reinterpret_cast<Base64Byte*>(bytes), size);
}

}  // namespace replicache::pg
