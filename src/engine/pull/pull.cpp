#include "engine/pull/pull.h"

#include "engine/pull/confirmed.h"
#include "engine/replicache/pull_answer.h"
#include "engine/session/client.h"
#include "engine/session/context.h"
#include "engine/session/failure.h"
#include "engine/space/history.h"
#include "engine/space/progress.h"
#include "engine/tracking/key_log.h"
#include "engine/tracking/table_view.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/settings.h"
#include "pg/subtransaction.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::SqlError;
using pg::TableScan;
using Is = TableScan::Is;
using Kind = Progress::Kind;

void collect_keys(std::vector<std::string>& keys, TableScan& tombstones) {
    while (tombstones.next()) {
        pg::check_interrupts();
        keys.push_back(tombstones.text(tombstone_column::key));
    }
}

void append_tombstones(PullAnswer& answer, const std::string& space, const Versions& versions) {
    constexpr const char *table = "tombstone", *index = "tombstone_space_version_idx";
    const TableScan::Condition in_space{tombstone_column::space, TEXTOID, Is::equal, pg::text_datum(space)};
    const auto version = [](Is is, std::int64_t value) {
        return TableScan::Condition{tombstone_column::version, INT8OID, is, Int64GetDatum(value)};
    };
    std::vector<std::string> keys;
    {
        TableScan range(table, index, {in_space, version(Is::above, versions.since), version(Is::up_to, versions.until)});
        collect_keys(keys, range);
    }
    for (const std::int64_t also : versions.also) {
        pg::check_interrupts();
        TableScan one(table, index, {in_space, version(Is::equal, also)});
        collect_keys(keys, one);
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (const std::string& key : keys) answer.append_del(key);
}

// The tables of a pull. If the setting says so, a table whose expressions fail is left out. Its rows come when they can be read again.
class Tables {
public:
    using Query = TableView::Query;

    Tables(const PullRequest& request, Progress& progress) : request_(request), progress_(progress), views_(lock_table_views()) {
        for (const auto& view : views_)
            if (view->may_have_rows(request.space) && view->storage().is_newer_than(GetActiveSnapshot()))
                throw OldSnapshot{view->relation()};
    }
    void append_soft_deleted(PullAnswer& answer) {
        for (const auto& view : views_)
            if (view->soft_deletes()) append(answer, *view, Query::soft_deleted);
    }
    void append_live(PullAnswer& answer) {
        for (const auto& view : views_) append(answer, *view, gets_all(*view) ? Query::everything : Query::changed);
    }

private:
    // Whether the client gets all rows of the table, not only the changed ones.
    bool gets_all(const TableView& view) const {
        return progress_.kind == Kind::everything || (request_.cookie && is_in(request_.cookie->skipped, view));
    }
    static bool is_in(const std::vector<std::int64_t>& tables, const TableView& view) {
        return std::find(tables.begin(), tables.end(), view.relation()) != tables.end();
    }

    void append(PullAnswer& answer, TableView& view, Query query) {
        if (is_in(progress_.cookie.skipped, view)) return;
        static const Versions every{PG_INT64_MIN, PG_INT64_MAX};
        const Versions& versions = gets_all(view) ? every : progress_.versions;
        if (!pg::settings.skip_broken_tables || request_.plain_cookies)
            return view.append_patch(answer.buffer(), query, versions, request_.space);
        const int length = answer.length();
        auto error = pg::attempt([&] { view.append_patch(answer.buffer(), query, versions, request_.space); });
        if (!error) return;
        if (!sqlstate::is_about_the_table(error->sqlerrcode())) throw std::move(*error);
        answer.cut(length);
        log_broken_table(view.relation(), failure_of(*error));
        progress_.cookie.skipped.push_back(view.relation());
    }

    const PullRequest& request_;
    Progress& progress_;
    const std::vector<std::shared_ptr<TableView>> views_;
};

void append_patch(PullAnswer& answer, const PullRequest& request, Progress& progress) {
    Tables tables(request, progress);
    if (progress.kind == Kind::everything) {
        answer.append_clear();
    } else {
        append_tombstones(answer, request.space, progress.versions);
        tables.append_soft_deleted(answer);
    }
    tables.append_live(answer);
}

// Appends the answer. Returns whether it has anything new. Nullopt: the server knows less than the client.
std::optional<bool> append_answer(PullAnswer& answer, const PullRequest& request, Progress& progress) {
    const bool any = progress.kind == Kind::changes || progress.kind == Kind::everything;
    bool changed = false;
    PullAnswer ids;
    if (request.client_id) {
        std::int64_t id = last_mutation_id(request.client_group_id, *request.client_id);
        if (progress.kind == Kind::behind) id = std::max(id, request.last_mutation_id);
        if (id < request.last_mutation_id) return std::nullopt;
        changed = id > request.last_mutation_id;
        ids.append_last_mutation_id(id);
    } else {
        ids.begin_last_mutation_ids();
        const int empty = ids.length();
        if (request.client_group_id && any) progress.cookie.confirmed = append_last_mutation_ids(ids, *request.client_group_id, progress);
        changed = ids.length() > empty;
        ids.end_last_mutation_ids();
    }
    const auto append_cookie = [&] { answer.append_cookie(any ? progress.cookie : *request.cookie); };
    // The cookie comes first. When tables may be left out, it comes last, because it names them.
    answer.begin();
    if (!pg::settings.skip_broken_tables) {
        append_cookie();
        answer.append(",");
    }
    answer.append(ids.text());
    answer.begin_patch();
    const int empty = answer.length();
    if (any) append_patch(answer, request, progress);
    changed |= answer.length() > empty;
    answer.end_patch();
    if (pg::settings.skip_broken_tables) {
        answer.append(",");
        append_cookie();
    }
    answer.end();
    return changed;
}

std::optional<Datum> pull_under_snapshot(const PullRequest& request, PullAnswer& answer) {
    const pg::SpiConnection spi;
    check_tracking();  // first, because a fault must be reported even when nothing seems to be new
    Progress progress = engine::progress(request.space, request.cookie, request.plain_cookies);
    // The clients of a group are stamped with versions of the group's space. In another space these versions mean nothing.
    if (request.client_group_id) {
        const auto recorded = check_group({*request.client_group_id, request.user_id, request.space},
                                          request.any_user ? GroupAccess::read_as_any_user : GroupAccess::read);
        if (recorded && *recorded != request.space && progress.kind == Kind::changes) progress.kind = Kind::everything;
        if (progress.other_history && !request.client_id && !knows_confirmed(*request.client_group_id, request.cookie->confirmed))
            return std::nullopt;
    }
    if (progress.kind == Kind::lost) return std::nullopt;

    const Context context{.user_id = request.user_id,
                          .space = request.space,
                          .client_group_id = request.client_group_id,
                          .client_id = request.client_id,
                          .version = progress.version,
                          .schema_version = request.schema_version};
    const ContextScope scope(context);

    const bool same = progress.kind == Kind::nothing || progress.kind == Kind::behind;
    const auto changed = append_answer(answer, request, progress);
    if (!changed) return std::nullopt;
    if (!*changed && !same && progress.keeps_cookie) {
        progress.kind = Kind::nothing;
        answer.clear();
        append_answer(answer, request, progress);
    } else if (!same && progress.must_flush) {
        flush_seen();
    }
    return answer.datum();
}

}  // namespace

std::optional<Datum> pull(const PullRequest& request) {
    PullAnswer answer;  // made before SPI connects, so that it outlives the connection
    try {
        return under_fitting_snapshot([&] {
            answer.clear();
            return pull_under_snapshot(request, answer);
        });
    } catch (const pg::PgError& error) {
        // stringinfo.c raises this error when a buffer would grow beyond 1 GB.
        if (error.sqlerrcode() != ERRCODE_PROGRAM_LIMIT_EXCEEDED || answer.buffer()->len < (1 << 28)) throw;
    }
    throw SqlError(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "client view is larger than 1 GB", {},
                   "Track fewer or smaller rows, or divide them into spaces.");
}

}  // namespace replicache::engine
