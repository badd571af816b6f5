// The clock `transaction`: nothing is locked. Changes carry the id of their transaction, and a cookie says which transactions its reader
// had seen.
//
// Rows carry the id of the top-level transaction that wrote them. xmin may show the id of a subtransaction, which is in no snapshot. Ids
// are 64 bits wide (xid8) and never wrap.
#include "engine/poke/poke.h"
#include "engine/space/clock.h"
#include "engine/space/head.h"
#include "engine/space/progress.h"
#include "engine/space/reader_snapshot.h"
#include "engine/space/taken_spaces.h"

extern "C" {
#include "access/transam.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using Kind = Progress::Kind;

// The id of this transaction, which gets one when it has none.
std::int64_t own_transaction() {
    return guarded([] { return static_cast<std::int64_t>(U64FromFullTransactionId(GetTopFullTransactionId())); });
}

// Adds the changes of the reader's own transaction. Other changes are in the range, or in the cookie's list.
void add_own(Progress& progress, const ReaderSnapshot& now) {
    if (now.own >= now.xmax) progress.versions.also.push_back(now.own);
}

// A floor that is no transaction of ours comes from a restored dump. All cookies that it could concern come from there, too.
bool counts(std::int64_t floor, const ReaderSnapshot& now) { return floor < now.xmax || floor == now.own; }

// The last collector had seen all that was collected. A reader who has seen that transaction needs no tombstone of these, though
// something older may still be in progress.
bool above_floors(const Cookie& cookie, const Head& head, const ReaderSnapshot& now) {
    return (cookie.has_seen(head.floor) || !counts(head.floor, now)) &&
           (cookie.has_seen_all_up_to(head.collected) || (head.collector > 0 && cookie.has_seen(head.collector)) ||
            !counts(head.collected, now));
}

// A number can only say that everything up to it has been seen.
Cookie cookie_of_number(std::int64_t since) { return {.xmax = since + 1}; }

// A database that was restored from a dump has tombstones with ids of transactions that are yet to come. Cookies from before the restore
// are strangers, so no pull needs these tombstones. If they counted as collected, all cookies would be too old.
constexpr const char* of_another_history =
    "t.version OPERATOR(pg_catalog.>=) pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8 "
    "AND t.version OPERATOR(pg_catalog.<>) COALESCE(pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text::pg_catalog.int8, 0)";

class TransactionClock final : public Clock {
public:
    constexpr TransactionClock() : Clock({.name = "transaction", .foreign = of_another_history}) {}

    bool insert(pg::Value id) const override {
        static pg::OwnStatement insert(
            "INSERT INTO replicache.space (id, clock, version, floor) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING", {TEXTOID, TEXTOID});
        return insert.run({id, pg::value(std::string_view(name))}).count() > 0;
    }

    // An id makes the transaction a writer. It gets one at its first change only.
    std::int64_t first_version(const Space&, pg::Table&, std::int64_t) const override { return 0; }

    std::int64_t version_of(Space& space) const override {
        if (space.version == 0) space.version = own_transaction();
        return space.version;
    }

    void write_version(Space& space) const override {
        if (space.changed) return;
        version_of(space);
        note_changed(space);
        poke(space.id, space.version);
    }

    void raise_floor(Space& space) const override {
        write_row(space, {{space_column::floor, Int64GetDatum(version_of(space))}});
        note_changed(space);
        poke(space.id, space.version);
    }

    // No id can be skipped, and none is needed: the id of a transaction is above all before.
    void skip_to(Space&, std::int64_t) const override {}

    void write_collected(Space& space, std::int64_t version) const override {
        write_row(space, {{space_column::collected, Int64GetDatum(version)}, {space_column::collector, Int64GetDatum(own_transaction())}});
    }

    std::int64_t head(const Space& space) const override { return space.changed ? space.version : read_snapshot().xmin - 1; }

    bool is_cookie(const Cookie& cookie) const override { return cookie.names_transactions(); }

    Progress progress(std::string_view, const Head& head, const std::optional<Cookie>& cookie) const override {
        const ReaderSnapshot now = read_snapshot();
        Progress progress{.kind = Kind::everything,
                          .versions = {},
                          .cookie = {.xmax = now.xmax, .in_progress = now.in_progress},
                          .version = now.xmin - 1};
        progress.keeps_cookie = progress.must_flush = true;
        if (!cookie) return progress;
        if (cookie->xmax > now.xmax) {
            progress.kind = ahead_of_us(cookie->xmax <= now.next);
        } else if (above_floors(*cookie, head, now)) {
            progress.kind = Kind::changes;
            progress.versions = {cookie->xmax - 1, now.xmax - 1};
            for (const std::int64_t id : cookie->in_progress)
                if (id == now.own || progress.cookie.has_seen(id)) progress.versions.also.push_back(id);
            add_own(progress, now);
            if (progress.versions.since == progress.versions.until && progress.versions.also.empty()) progress.kind = Kind::nothing;
        }
        return progress;
    }

    Progress progress_by_number(std::string_view, const Head& head, const std::optional<Cookie>& cookie) const override {
        const ReaderSnapshot now = read_snapshot();
        const std::int64_t since = cookie ? cookie->version : 0;
        Progress progress{.kind = Kind::changes,
                          .versions = {since, now.xmax - 1},
                          .cookie = {.version = std::max(since, now.xmin - 1)},
                          .version = now.xmin - 1};
        progress.keeps_cookie = progress.must_flush = true;
        add_own(progress, now);
        if (since >= now.xmax)
            progress.kind = ahead_of_us(since < now.next);
        else if (since == 0 || !above_floors(cookie_of_number(since), head, now))
            progress.kind = Kind::everything;
        return progress;
    }
};

constexpr TransactionClock instance;

}  // namespace

constinit const Clock& transaction_clock = instance;

}  // namespace replicache::engine
