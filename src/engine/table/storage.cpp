#include "engine/table/storage.h"

#include "engine/table/relation.h"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

// The functions down to is_newer raise PostgreSQL errors.

Oid file_of(HeapTuple table) { return reinterpret_cast<Form_pg_class>(GETSTRUCT(table))->relfilenode; }

// The file of the table under the snapshot. InvalidOid: the table does not exist under it.
Oid file_seen_by(Snapshot snapshot, Oid table) {
    Relation const catalog = table_open(RelationRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
    SysScanDesc const scan = systable_beginscan(catalog, ClassOidIndexId, true, snapshot, 1, &key);
    HeapTuple const tuple = systable_getnext(scan);
    const Oid file = HeapTupleIsValid(tuple) ? file_of(tuple) : InvalidOid;
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return file;
}

bool is_newer(Oid table, Snapshot snapshot) {
    HeapTuple const tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
    if (!HeapTupleIsValid(tuple)) return false;
    const Oid file = file_of(tuple);
    const TransactionId writer = HeapTupleHeaderGetXmin(tuple->t_data);
    ReleaseSysCache(tuple);
    // Nearly always the snapshot has seen the last change of the table's row in pg_class.
    if (TransactionIdPrecedes(writer, snapshot->xmin)) return false;
    const Oid seen = file_seen_by(snapshot, table);
    return OidIsValid(seen) && seen != file;
}

}  // namespace

Storage::Storage(Oid relation) : tables_{relation} {
    if (guarded([relation] { return get_rel_relkind(relation); }) != RELKIND_PARTITIONED_TABLE) return;
    const List* const all = guarded([relation] { return find_all_inheritors(relation, AccessShareLock, nullptr); });
    tables_.clear();
    for (int i = 0; i < list_length(all); ++i) tables_.push_back(list_nth_oid(all, i));
}

void Storage::lock() const {
    guarded([tables = tables_.data(), n = tables_.size()] {
        for (std::size_t i = 0; i < n; ++i) LockRelationOid(tables[i], AccessShareLock);
    });
}

bool Storage::is_newer_than(Snapshot snapshot) const {
    return guarded([snapshot, tables = tables_.data(), n = tables_.size()] {
        return std::any_of(
            tables, tables + n, [snapshot](Oid table) { return is_newer(table, snapshot); });
    });
}

void refuse_old_snapshot(Oid relation) {
    throw SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access to table \"" + name_of(relation) + "\"",
                   "It was truncated or rewritten after the transaction's snapshot was taken. The snapshot shows none of its rows.",
                   "Run the transaction again.");
}

void push_new_snapshot(const OldSnapshot& old) {
    if (IsolationUsesXactSnapshot()) refuse_old_snapshot(old.relation);
    guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
}

void raise_changed(Oid relation) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("definition of table \"%s\" has changed while it was read", get_rel_name(relation)),
                    errdetail("Code that ran meanwhile, such as a value expression, has changed the table."), errhint("Read again.")));
    pg_unreachable();
}

}  // namespace replicache::engine
