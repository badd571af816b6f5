#include "engine/space/progress.h"

#include "engine/space/head.h"
#include "engine/space/history.h"
#include "engine/space/reader_snapshot.h"

extern "C" {
#include "access/xlog.h"
}

namespace replicache::engine {
namespace {

using Kind = Progress::Kind;

Order order_of(const Progress& progress, const std::optional<Cookie>& cookie, bool of_this_history) {
    const std::int64_t position = progress.cookie.position();
    if (!cookie) return {.number = position};
    return of_this_history ? order_after(*cookie, position) : order_above(cookie->order, position);
}

}  // namespace

Kind ahead_of_us(bool on_its_way) { return on_its_way || RecoveryInProgress() ? Kind::behind : Kind::lost; }

Progress progress(const std::string& space, const std::optional<Cookie>& cookie, bool plain) {
    const Head head = head_of(space).value_or(Head{});
    if (plain) return head.clock->progress_by_number(space, head, cookie);
    const History here(space);
    bool ours = cookie && here.contains(*cookie) && head.clock->is_cookie(*cookie);
    Progress progress = head.clock->progress(space, head, ours ? cookie : std::nullopt);
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

void follow_snapshots(Progress& progress, const std::optional<Cookie>& cookie) {
    if (progress.kind == Kind::behind || progress.kind == Kind::lost) return;
    if (!progress.cookie.names_transactions()) progress.cookie.at = progress.cookie.version + ended_transactions();
    const bool ours = cookie && !progress.other_history;
    const std::int64_t seen = ours && cookie->page ? cookie->page->at : ours ? cookie->position() : 0;
    if (seen > progress.cookie.position()) {
        progress.kind = Kind::behind;
        return;
    }
    if (progress.kind == Kind::nothing) progress.kind = Kind::changes;
    // Nothing has changed in the space. If the view has not changed either, the client keeps its cookie.
    if (ours && progress.versions.since == progress.versions.until) progress.keeps_cookie = true;
    progress.must_flush = true;
    progress.cookie.order = order_of(progress, cookie, ours);
}

}  // namespace replicache::engine
