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

// `is_held(key, part)`: whether the client has the part of the row.
template <class IsHeld>
void collect_keys(std::vector<std::string>& keys, TableScan& tombstones, IsHeld is_held) {
    while (tombstones.next()) {
        pg::check_interrupts();
        std::string key = tombstones.text(tombstone_column::key);
        if (tombstones.is_null(tombstone_column::part) || is_held(key, tombstones.text(tombstone_column::part)))
            keys.push_back(std::move(key));
    }
}

template <class IsHeld>
void append_tombstones(PullAnswer& answer, const std::string& space, const Versions& versions, IsHeld is_held) {
    constexpr const char *table = "tombstone", *index = "tombstone_space_version_idx";
    const TableScan::Condition in_space{tombstone_column::space, TEXTOID, Is::equal, pg::text_datum(space)};
    const auto version = [](Is is, std::int64_t value) {
        return TableScan::Condition{tombstone_column::version, INT8OID, is, Int64GetDatum(value)};
    };
    std::vector<std::string> keys;
    {
        TableScan range(table, index, {in_space, version(Is::above, versions.since), version(Is::up_to, versions.until)});
        collect_keys(keys, range, is_held);
    }
    for (const std::int64_t also : versions.also) {
        pg::check_interrupts();
        TableScan one(table, index, {in_space, version(Is::equal, also)});
        collect_keys(keys, one, is_held);
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
    // Whether what the client may see of a table in the space is a matter of its view.
    bool need_view() const {
        return std::any_of(
            views_.begin(), views_.end(), [this](const auto& view) { return is_viewed(*view) && view->may_have_rows(request_.space); });
    }
    // Marks the parts that the client may see. Returns whether it can be told which rows it must drop.
    bool mark_parts(ClientView& client) {
        bool known = true;
        for (const auto& view : views_) {
            if (!view->has_parts() || !view->may_have_rows(request_.space)) continue;
            if (!append(nullptr, *view, [&] { view->mark_parts(client); }))
                keep(client, *view);
            else
                known &= client.parts_of(view->relation()).gone.empty() || view->owner_sees_all();
        }
        return known;
    }
    bool was_held(const ClientView& client, std::string_view key, std::string_view part) const {
        return std::any_of(
            views_.begin(), views_.end(), [&](const auto& view) { return view->was_held(client, key, part); });
    }
    void append_soft_deleted(PullAnswer& answer) {
        for (const auto& view : views_)
            if (view->soft_deletes() && !is_viewed(*view))
                append(
                    &answer, *view, [&] { append_rows(answer, *view, Query::soft_deleted); });
    }
    void append_live(PullAnswer& answer) {
        for (const auto& view : views_)
            if (!is_viewed(*view))
                append(
                    &answer, *view, [&] { append_rows(answer, *view, gets_all(*view) ? Query::everything : Query::changed); });
    }
    // The rows of tables that are private or have parts, and dels for what the client has and may not see any more.
    void append_viewed(PullAnswer& answer, ClientView& client) {
        for (const auto& view : views_) {
            if (!is_viewed(*view) || !view->may_have_rows(request_.space)) continue;
            const bool done = append(&answer, *view, [&] {
                if (view->is_private())
                    view->append_private(answer.buffer(), client, gets_all(*view), progress_.versions, request_.space);
                else
                    view->append_parts(answer.buffer(), client, gets_all(*view), progress_.versions, request_.space);
            });
            if (!done) keep(client, *view);
        }
        client.forget_unsent();
        for (const std::string_view key : client.gone()) answer.append_del(key);
    }

private:
    // Whether the client gets all rows of the table, not only the changed ones.
    bool gets_all(const TableView& view) const {
        return progress_.kind == Kind::everything || (request_.cookie && is_in(request_.cookie->skipped, view));
    }
    static bool is_in(const std::vector<std::int64_t>& tables, const TableView& view) {
        return std::find(tables.begin(), tables.end(), view.relation()) != tables.end();
    }

    static bool is_viewed(const TableView& view) { return view.is_private() || view.has_parts(); }
    static void keep(ClientView& client, const TableView& view) {
        client.keep([&view, prefix = ClientView::part_prefix(view.relation())](std::string_view key) {
            return view.has_parts() ? key.starts_with(prefix) : view.may_have(key);
        });
    }

    void append_rows(PullAnswer& answer, TableView& view, Query query) {
        static const Versions every{PG_INT64_MIN, PG_INT64_MAX};
        view.append_patch(answer.buffer(), query, gets_all(view) ? every : progress_.versions, request_.space);
    }

    // Whether the rows of the table are in the answer. A broken table may be left out.
    template <class Append>
    bool append(PullAnswer* answer, const TableView& view, Append append_rows) {
        if (is_in(progress_.cookie.skipped, view)) return false;
        if (!pg::settings.skip_broken_tables || request_.plain_cookies) {
            append_rows();
            return true;
        }
        const int length = answer == nullptr ? 0 : answer->length();
        auto error = pg::attempt(append_rows);
        if (!error) return true;
        if (!sqlstate::is_about_the_table(error->sqlerrcode())) throw std::move(*error);
        if (answer != nullptr) answer->cut(length);
        log_broken_table(view.relation(), failure_of(*error));
        progress_.cookie.skipped.push_back(view.relation());
        return false;
    }

    const PullRequest& request_;
    Progress& progress_;
    const std::vector<std::shared_ptr<TableView>> views_;
};

// A pull whose snapshot, progress and tables are known.
struct Pull {
    const PullRequest& request;
    Progress& progress;
    Tables* tables;    // null: nothing can have changed
    ClientView* view;  // null: no table is private
};

void append_patch(PullAnswer& answer, const Pull& pull) {
    if (pull.progress.kind == Kind::everything) {
        answer.append_clear();
    } else {
        append_tombstones(answer, pull.request.space, pull.progress.versions, [&pull](std::string_view key, std::string_view part) {
            return pull.view != nullptr && pull.tables->was_held(*pull.view, key, part);
        });
        pull.tables->append_soft_deleted(answer);
    }
    pull.tables->append_live(answer);
    if (pull.view != nullptr) pull.tables->append_viewed(answer, *pull.view);
}

// Appends the answer. Returns whether it has anything new. Nullopt: the server knows less than the client.
std::optional<bool> append_answer(PullAnswer& answer, const Pull& pull) {
    const PullRequest& request = pull.request;
    Progress& progress = pull.progress;
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
    // The cookie comes first. When it names what the patch has or lacks, it comes last.
    const bool cookie_last = pg::settings.skip_broken_tables || pull.view != nullptr;
    answer.begin();
    if (!cookie_last) {
        append_cookie();
        answer.append(",");
    }
    answer.append(ids.text());
    answer.begin_patch();
    const int empty = answer.length();
    if (any) append_patch(answer, pull);
    const bool same_patch = answer.length() == empty;
    changed |= !same_patch;
    answer.end_patch();
    if (any && pull.view != nullptr && !request.plain_cookies) {
        progress.cookie.view = same_patch ? request.cookie->view : pull.view->next();
        pull.view->note_use(*progress.cookie.view, request.client_group_id);
    }
    if (cookie_last) {
        answer.append(",");
        append_cookie();
    }
    answer.end();
    return changed;
}

// Makes the view of the client in a space with private tables. It changes the progress: what the client has must be known, too.
void begin_view(std::optional<ClientView>& view, Tables& tables, const PullRequest& request, Progress& progress) {
    const CookieView* held = nullptr;
    if (!request.plain_cookies) {
        follow_snapshots(progress, request.cookie);
        if (progress.kind == Kind::changes && request.cookie->view) held = &*request.cookie->view;
    } else if (progress.kind != Kind::everything) {
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "pull_since cannot tell what a client has of private tables",
                       "The space has tables that are private or have parts, and the version is only a number.",
                       "Call replicache.pull, or pull_since(NULL) for everything.");
    }
    if (progress.kind == Kind::behind) return;
    view.emplace(held, ViewOwner{request.user_id, request.space});
    if (!tables.mark_parts(*view) || !view->is_known()) progress.kind = Kind::everything;
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

    // A cookie without a view is older than the first private table of the space, whose floor lies above it. So if nothing can have changed
    // for this cookie, the tables need not be asked.
    const bool may_have_view = request.cookie && (request.cookie->view || request.plain_cookies);
    std::optional<Tables> tables;
    std::optional<ClientView> view;
    if (progress.kind == Kind::changes || progress.kind == Kind::everything || (progress.kind == Kind::nothing && may_have_view)) {
        tables.emplace(request, progress);
        if (tables->need_view())
            begin_view(view, *tables, request, progress);
        else if (request.cookie && request.cookie->view)
            progress.kind = Kind::everything;
    }

    const bool same = progress.kind == Kind::nothing || progress.kind == Kind::behind;
    const Pull pull{request, progress, tables ? &*tables : nullptr, view ? &*view : nullptr};
    const auto changed = append_answer(answer, pull);
    if (!changed) return std::nullopt;
    if (!*changed && !same && progress.keeps_cookie) {
        progress.kind = Kind::nothing;
        answer.clear();
        append_answer(answer, pull);
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
