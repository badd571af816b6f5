#include "engine/space/progress.h"

#include "engine/space/head.h"
#include "engine/space/history.h"
#include "engine/space/snapshot.h"

extern "C" {
#include "access/xlog.h"
}

namespace replicache::engine {
namespace {

using Kind = Progress::Kind;

// For a reader who has seen what this snapshot does not. A standby gets there. A primary does, too, when the change is on its way: a
// standby may show a commit before the primary, which still waits for a synchronous standby.
Kind ahead_of_us(bool on_its_way) { return on_its_way || RecoveryInProgress() ? Kind::behind : Kind::lost; }

// Clocks counter and time. Clients know the head of a space without history as 0.
Progress by_number(const std::string& name, const Head& space, const std::optional<Cookie>& cookie) {
    const std::int64_t since = cookie ? cookie->version : 0, head = std::max<std::int64_t>(space.version, 0);
    Progress progress{.kind = Kind::changes, .versions = {since, head}, .cookie = {.version = head}, .version = head};
    progress.must_flush = space.may_be_lost;
    if (since > head)
        progress.kind = ahead_of_us(since <= space.own_version || since <= coming_version(name));
    else if (!cookie || since < std::max(space.floor, space.collected) || (since == 0 && head > 0))
        progress.kind = Kind::everything;
    else if (since == head)
        progress.kind = Kind::nothing;
    return progress;
}

// Changes of the reader's own transaction; others are in the range, or in the cookie's list.
void add_own(Progress& progress, const ReaderSnapshot& now) {
    if (now.own >= now.xmax) progress.versions.also.push_back(now.own);
}

// A floor that is no transaction of ours comes from a restored dump, and so do all cookies that it could concern.
bool counts(std::int64_t floor, const ReaderSnapshot& now) { return floor < now.xmax || floor == now.own; }

// What was collected, the last collector had seen: who has seen that one needs nothing of it, though something older may still be
// in progress.
bool above_floors(const Cookie& cookie, const Head& space, const ReaderSnapshot& now) {
    return (cookie.has_seen(space.floor) || !counts(space.floor, now)) &&
           (cookie.has_seen_all_up_to(space.collected) || (space.collector > 0 && cookie.has_seen(space.collector)) ||
            !counts(space.collected, now));
}

// By a number, all that can be said is that everything up to it has been seen.
Cookie cookie_of_number(std::int64_t since) { return {.xmax = since + 1}; }

Progress by_transaction_number(const Head& space, const std::optional<Cookie>& cookie, const ReaderSnapshot& now) {
    const std::int64_t since = cookie ? cookie->version : 0;
    Progress progress{.kind = Kind::changes,
                      .versions = {since, now.xmax - 1},
                      .cookie = {.version = std::max(since, now.xmin - 1)},
                      .version = now.xmin - 1};
    progress.keeps_cookie = progress.must_flush = true;
    add_own(progress, now);
    if (since >= now.xmax)
        progress.kind = ahead_of_us(since < now.next);
    else if (since == 0 || !above_floors(cookie_of_number(since), space, now))
        progress.kind = Kind::everything;
    return progress;
}

Progress by_transaction(const Head& space, const std::optional<Cookie>& cookie, const ReaderSnapshot& now) {
    Progress progress{
        .kind = Kind::everything, .versions = {}, .cookie = {.xmax = now.xmax, .in_progress = now.in_progress}, .version = now.xmin - 1};
    progress.keeps_cookie = progress.must_flush = true;
    if (!cookie) return progress;
    if (cookie->xmax > now.xmax) {
        progress.kind = ahead_of_us(cookie->xmax <= now.next);
    } else if (above_floors(*cookie, space, now)) {
        progress.kind = Kind::changes;
        progress.versions = {cookie->xmax - 1, now.xmax - 1};
        for (const std::int64_t id : cookie->in_progress)
            if (id == now.own || progress.cookie.has_seen(id)) progress.versions.also.push_back(id);
        add_own(progress, now);
        if (progress.versions.since == progress.versions.until && progress.versions.also.empty()) progress.kind = Kind::nothing;
    }
    return progress;
}

Order order_of(const Progress& progress, const std::optional<Cookie>& cookie, bool of_this_history) {
    const std::int64_t position = progress.cookie.position();
    if (!cookie) return {.number = position};
    return of_this_history ? order_after(*cookie, position) : order_above(cookie->order, position);
}

}  // namespace

Progress progress(const std::string& space, const std::optional<Cookie>& cookie, bool plain) {
    const Head state = head_of(space).value_or(Head{});
    const bool by_ids = state.clock == pg::clock_transaction;
    if (plain) return by_ids ? by_transaction_number(state, cookie, read_snapshot()) : by_number(space, state, cookie);
    const History here(space);
    bool ours = cookie && here.contains(*cookie) && (cookie->xmax > 0) == by_ids;
    const std::optional<Cookie> known = ours ? cookie : std::nullopt;
    Progress progress = by_ids ? by_transaction(state, known, read_snapshot()) : by_number(space, state, known);
    if (progress.kind == Kind::lost) {  // the files of the server were put back, say
        progress.kind = Kind::everything;
        ours = false;
    }
    if (cookie && !ours && here.is_behind(*cookie)) progress.kind = Kind::behind;
    progress.other_history = cookie && !ours && progress.kind != Kind::behind;
    progress.cookie.order = order_of(progress, cookie, ours);
    progress.cookie.origin = here.name();
    progress.cookie.lsn = wal_position();
    return progress;
}

}  // namespace replicache::engine
