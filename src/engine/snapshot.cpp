#include "engine/snapshot.h"

#include "pg/own_table.h"
#include "pg/spi.h"
#include "pg/table.h"

#include <charconv>

extern "C" {
#include "access/transam.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

constexpr const char* origin_key = "origin";

// As widen_snapshot_xid in xid8funcs.c: ids of snapshots are less than 2^31 behind the next one.
std::int64_t widen(TransactionId id, FullTransactionId next) {
    std::uint64_t epoch = EpochFromFullTransactionId(next);
    if (id > XidFromFullTransactionId(next)) --epoch;
    return static_cast<std::int64_t>(epoch << 32 | id);
}

// The timeline changes with a promotion and with point-in-time recovery.
TimeLineID timeline() {
    if (!RecoveryInProgress()) return GetWALInsertionTimeLine();
    TimeLineID replayed;
    GetXLogReplayRecPtr(&replayed);
    return replayed;
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
    seen.ended = seen.xmax - static_cast<std::int64_t>(seen.in_progress.size());
    return seen;
}

std::int64_t own_transaction() {
    return guarded([] { return static_cast<std::int64_t>(U64FromFullTransactionId(GetTopFullTransactionId())); });
}

std::string origin() {
    pg::Table table("origin", pg::Table::Access::read);
    if (!table.find(origin_key)) throw pg::SqlError(ERRCODE_INTERNAL_ERROR, "replicache.origin has lost its row");
    // A copy of a database (CREATE DATABASE … TEMPLATE) has another OID, one of the cluster another timeline. After pg_upgrade both
    // are the old ones, or timelines count from 1 again, but the system identifier is another.
    return std::to_string(GetSystemIdentifier()) + "-" + std::to_string(MyDatabaseId) + "-" + pg::required(table.text(2)) + "-" +
           std::to_string(guarded([] { return timeline(); }));
}

bool is_behind(const Cookie& cookie, std::string_view here, const ReaderSnapshot& now) {
    if (!RecoveryInProgress()) return false;
    const std::string_view theirs = cookie.origin, database = here.substr(0, here.find('-', here.find('-') + 1) + 1),
                           history = here.substr(0, here.rfind('-') + 1);
    // new_epoch() is a transaction that this standby has yet to see, or it has been there: then its ids soon are above the cookie's.
    if (theirs.starts_with(database) && cookie.xmax > now.xmax) return true;
    if (!theirs.starts_with(history)) return false;
    const std::string_view number = theirs.substr(history.size());
    TimeLineID id = 0;
    std::from_chars(number.data(), number.data() + number.size(), id);
    return id > guarded([] { return timeline(); });
}

void renew_origin() {
    static pg::OwnStatement renew("UPDATE replicache.origin SET id = DEFAULT", {});
    const pg::SpiConnection spi;
    renew.run({});
}

void flush_seen() {
    guarded([] {
        if (RecoveryInProgress()) return;  // what a standby has replayed is on disk
        XLogRecPtr end = GetXLogInsertRecPtr();
        // At the start of a page that is the place behind the page's header, which is not written yet, and flushing up to there
        // would fail.
        if (XLogSegmentOffset(end, wal_segment_size) == SizeOfXLogLongPHD)
            end -= SizeOfXLogLongPHD;
        else if (end % XLOG_BLCKSZ == SizeOfXLogShortPHD)
            end -= SizeOfXLogShortPHD;
        XLogFlush(end);
    });
}

}  // namespace replicache::engine
