#include "engine/tracking/table_rows.h"

#include "pg/compat.h"
#include "pg/identity.h"
#include "pg/memory.h"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_inherits.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// The table and its partitions. They stay locked.
std::vector<Oid> parts_of(Oid relation) {
    const List* const list = guarded([relation] {
        LockRelationOid(relation, AccessShareLock);
        return get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE ? find_all_inheritors(relation, AccessShareLock, nullptr)
                                                                      : list_make1_oid(relation);
    });
    std::vector<Oid> parts;
    parts.reserve(list_length(list));
    for (int i = 0; i < list_length(list); ++i) parts.push_back(list_nth_oid(list, i));
    return parts;
}

void read_part(Relation table, const std::function<void(HeapTuple)>& visit) {
    struct Scan {
        TupleTableSlot* slot;
        TableScanDesc scan;
    };
    const Scan scan = guarded([table] {
        PushActiveSnapshot(GetLatestSnapshot());
        return Scan{table_slot_create(table, nullptr), pg::begin_table_scan(table, GetActiveSnapshot())};
    });
    pg::ScratchContext scratch;
    for (;;) {
        pg::check_interrupts();
        scratch.reset();
        HeapTuple const row = guarded([&scan]() -> HeapTuple {
            if (!table_scan_getnextslot(scan.scan, ForwardScanDirection, scan.slot)) return nullptr;
            return ExecCopySlotHeapTuple(scan.slot);
        });
        if (row == nullptr) break;
        visit(row);
    }
    guarded([&scan] {
        table_endscan(scan.scan);
        ExecDropSingleTupleTableSlot(scan.slot);
        PopActiveSnapshot();
    });
}

}  // namespace

bool has_rows(Oid relation) {
    const std::vector<Oid> parts = parts_of(relation);
    return std::all_of(parts.begin(), parts.end(), [](Oid part) {
        const char kind = guarded([part] { return get_rel_relkind(part); });
        return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
    });
}

void for_each_row(Oid relation, const std::function<void(Relation)>& open, const std::function<void(HeapTuple)>& row) {
    const std::vector<Oid> parts = parts_of(relation);
    Relation const root = guarded([relation] { return relation_open(relation, NoLock); });
    {
        const pg::AsTableOwner owner(root);
        for (const Oid oid : parts) {
            Relation const part = guarded([oid] { return table_open(oid, NoLock); });
            if (part->rd_rel->relkind == RELKIND_RELATION) {
                open(part);
                read_part(part, row);
            }
            guarded([part] { table_close(part, NoLock); });
        }
    }
    guarded([root] { relation_close(root, NoLock); });
}

}  // namespace replicache::engine
