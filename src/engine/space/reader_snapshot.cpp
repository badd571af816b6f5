#include "engine/space/reader_snapshot.h"

#include "pg/border.h"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// As widen_snapshot_xid in xid8funcs.c: ids of snapshots are less than 2^31 behind the next one.
std::int64_t widen(TransactionId id, FullTransactionId next) {
    std::uint64_t epoch = EpochFromFullTransactionId(next);
    if (id > XidFromFullTransactionId(next)) --epoch;
    return static_cast<std::int64_t>(epoch << 32 | id);
}

}  // namespace

ReaderSnapshot read_snapshot() {
    Snapshot const snapshot = GetActiveSnapshot();
    const FullTransactionId next = guarded([] { return ReadNextFullTransactionId(); });
    ReaderSnapshot seen{.xmin = widen(snapshot->xmin, next), .xmax = widen(snapshot->xmax, next), .in_progress = {}};
    // On a standby, xip is empty, and everything in progress stands in subxip (GetSnapshotData in procarray.c).
    const auto* ids = snapshot->takenDuringRecovery ? snapshot->subxip : snapshot->xip;
    const std::size_t count = snapshot->takenDuringRecovery ? snapshot->subxcnt : snapshot->xcnt;
    for (std::size_t i = 0; i < count; ++i)
        if (const std::int64_t id = widen(ids[i], next); id < seen.xmax) seen.in_progress.push_back(id);
    const FullTransactionId own = GetTopFullTransactionIdIfAny();
    if (FullTransactionIdIsValid(own)) {
        seen.own = static_cast<std::int64_t>(U64FromFullTransactionId(own));
        // It is not at its end: what it has written is sent again when others can see it.
        if (seen.own < seen.xmax) seen.in_progress.push_back(seen.own);
    }
    seen.next = static_cast<std::int64_t>(U64FromFullTransactionId(next));
    return seen;
}

std::int64_t ended_transactions() {
    const ReaderSnapshot now = read_snapshot();
    return now.xmax - static_cast<std::int64_t>(now.in_progress.size());
}

}  // namespace replicache::engine
