#include "engine/space/history.h"

#include "pg/hash.h"
#include "pg/own_table.h"
#include "pg/spi.h"
#include "pg/table.h"

#include <charconv>

extern "C" {
#include "access/timeline.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

constexpr const char* origin_key = "origin";

TimeLineID timeline() {
    if (!RecoveryInProgress()) return GetWALInsertionTimeLine();
    TimeLineID replayed;
    GetXLogReplayRecPtr(&replayed);
    return replayed;
}

// The part before the last hyphen says which database, extension and space; the number behind it is the timeline.
struct Name {
    std::string_view stem;
    TimeLineID timeline = 0;

    explicit Name(std::string_view text) : stem(text.substr(0, text.rfind('-') + 1)) {
        std::from_chars(text.data() + stem.size(), text.data() + text.size(), timeline);
    }
    // A name for the cluster and the database.
    std::string_view database() const { return stem.substr(0, stem.find('-') + 1); }
};

// Where a history that is on this timeline has left older ones. Read from disk once.
const std::vector<std::pair<TimeLineID, XLogRecPtr>>& ends_of_ancestors(TimeLineID current) {
    static TimeLineID known = 0;
    static std::vector<std::pair<TimeLineID, XLogRecPtr>> ends;
    if (known != current) {
        known = 0;
        ends.clear();
        List* const history = guarded([current] { return readTimeLineHistory(current); });
        for (int i = 0; i < list_length(history); ++i) {
            const auto* const entry = static_cast<const TimeLineHistoryEntry*>(list_nth(history, i));
            ends.emplace_back(entry->tli, entry->end);
        }
        known = current;
    }
    return ends;
}

// Where this history has left an older timeline; InvalidXLogRecPtr: it has never been on it.
XLogRecPtr end_of(TimeLineID ancestor, TimeLineID current) {
    const auto& ends = ends_of_ancestors(current);
    const auto found = std::find_if(ends.begin(), ends.end(), [ancestor](const auto& end) { return end.first == ancestor; });
    return found == ends.end() ? InvalidXLogRecPtr : found->second;
}

// At the start of a page, PostgreSQL names the place behind the page's header, which is not written yet: flushing up to there would fail,
// and a standby that has replayed all does not get there.
XLogRecPtr end_of_records(XLogRecPtr position) {
    if (XLogSegmentOffset(position, wal_segment_size) == SizeOfXLogLongPHD) return position - SizeOfXLogLongPHD;
    return position % XLOG_BLCKSZ == SizeOfXLogShortPHD ? position - SizeOfXLogShortPHD : position;
}

}  // namespace

History::History(std::string_view space) : space_(space) {
    pg::Table table("origin", pg::Table::Access::read);
    if (!table.find(origin_key)) throw pg::SqlError(ERRCODE_INTERNAL_ERROR, "replicache.origin has lost its row");
    // A copy of a database (CREATE DATABASE … TEMPLATE) has another OID. After pg_upgrade both OIDs may be the old ones, and timelines
    // count from 1 again, but the system identifier is another. Hashes, since clients need not know all that.
    name_ = pg::hex_hash(std::to_string(GetSystemIdentifier()) + "-" + std::to_string(MyDatabaseId)) + "-" +
            pg::hex_hash(pg::required(table.text(2)) + "-" + std::string(space)) + "-" + std::to_string(guarded([] { return timeline(); }));
}

bool History::contains(const Cookie& cookie) const {
    if (cookie.origin == name_) return true;
    const Name theirs(cookie.origin), ours(name_);
    if (theirs.stem != ours.stem) return was_elsewhere(cookie);
    return theirs.timeline < ours.timeline && cookie.lsn <= end_of(theirs.timeline, ours.timeline);
}

// Only the version counts elsewhere, too. The rest of a cookie names tables, views and transactions of the server that gave it.
bool History::was_elsewhere(const Cookie& cookie) const {
    if (cookie.names_transactions() || cookie.view || cookie.page || cookie.at != 0 || !cookie.skipped.empty()) return false;
    constexpr const char* former = "former_history";
    constexpr int lsn = 3, version = 4;
    if (!pg::Table::exists(former)) return false;  // before ALTER EXTENSION … UPDATE from 0.5.0
    pg::Table table(former, pg::Table::Access::read);
    return table.find({space_, cookie.origin}) && cookie.lsn <= static_cast<std::uint64_t>(table.int8(lsn)) &&
           cookie.version <= table.int8(version);
}

std::vector<History::Past> History::pasts() const {
    const Name ours(name_);
    std::vector<Past> pasts;
    for (const auto& [timeline, end] : ends_of_ancestors(ours.timeline)) {
        // The list begins with the current timeline, which has no end.
        if (timeline != ours.timeline) pasts.push_back({std::string(ours.stem) + std::to_string(timeline), end});
    }
    pasts.push_back({name_, PG_INT64_MAX});
    return pasts;
}

bool History::is_behind(const Cookie& cookie) const {
    if (!RecoveryInProgress()) return false;
    const Name theirs(cookie.origin), ours(name_);
    // Of an older timeline, it has all that it will ever have. A later one may not have begun where this standby is, which then has to go
    // back.
    if (theirs.stem == ours.stem && theirs.timeline > ours.timeline) return true;
    return theirs.database() == ours.database() && theirs.timeline >= ours.timeline && cookie.lsn > wal_position();
}

std::uint64_t wal_position() {
    return guarded([] { return RecoveryInProgress() ? GetCurrentReplayRecPtr(nullptr) : end_of_records(GetXLogInsertRecPtr()); });
}

void renew_origin() {
    static pg::OwnStatement renew_id("UPDATE replicache.origin SET id = DEFAULT", {});
    static pg::OwnStatement renew_both("UPDATE replicache.origin SET id = DEFAULT, secret = DEFAULT", {});
    // There is no secret before ALTER EXTENSION … UPDATE.
    const bool has_secret = guarded([origin = pg::own_relation("origin")] { return get_attnum(origin, "secret") != InvalidAttrNumber; });
    const pg::SpiConnection spi;
    (has_secret ? renew_both : renew_id).run({});
}

void flush_seen() {
    guarded([] {
        if (!RecoveryInProgress()) XLogFlush(end_of_records(GetXLogInsertRecPtr()));  // what a standby has replayed is on disk
    });
}

}  // namespace replicache::engine
