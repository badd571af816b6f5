#include "engine/pull/pull.h"

#include "engine/pull/client_groups.h"
#include "engine/pull/confirmed.h"
#include "engine/pull/pulled_tables.h"
#include "engine/session/client.h"
#include "engine/session/context.h"
#include "engine/space/history.h"
#include "engine/space/progress.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/settings.h"

namespace replicache::engine {
namespace {

using pg::SqlError;
using Kind = Progress::Kind;

// A pull whose snapshot, progress and tables are known.
struct Pull {
    const PullRequest& request;
    Progress& progress;
    PulledTables* tables;        // null: nothing can have changed
    ClientView* view;            // null: all clients see the same
    const ClientGroups* groups;  // null: the answer is for one

    bool has_news() const { return progress.kind == Kind::changes || progress.kind == Kind::everything; }
    // Whether this is a page of a complete pull.
    bool is_paged() const { return progress.cookie.page.has_value(); }
    bool begins() const { return progress.kind == Kind::everything; }
};

// The size of a page, for answers that may have several.
std::int64_t page_size() {
    return pg::settings.page_size > 0 ? std::int64_t{pg::settings.page_size} * 1024 : std::numeric_limits<std::int64_t>::max() / 2;
}

// A page of a complete pull. First come the rows that everybody may see, in the order of their keys. When the client has the last of them,
// some have changed since the first page. These changes come next, and then the rows of the view. Until then, the cookie says where the
// first page began. Returns whether there are further pages.
bool append_page(PullAnswer& answer, const Pull& pull) {
    Cookie& cookie = pull.progress.cookie;
    cookie.page->at = cookie.position();
    Page page(answer.buffer(), page_size(), true);
    if (!pull.tables->append_page(answer, page)) {
        if (pull.view != nullptr) pull.view->keep_all();
        if (pull.begins()) return true;
        const Cookie& began = *pull.request.cookie;
        cookie.version = began.version;
        cookie.xmax = began.xmax;
        cookie.in_progress = began.in_progress;
        cookie.at = began.at;
        for (const std::int64_t table : began.skipped)
            if (std::find(cookie.skipped.begin(), cookie.skipped.end(), table) == cookie.skipped.end()) cookie.skipped.push_back(table);
        return true;
    }
    if (!pull.begins()) pull.tables->append_changes(answer, pull.view);
    if (pull.view != nullptr) pull.tables->append_viewed(answer, *pull.view, &page);
    return page.has_more();
}

// Appends the patch. Returns whether there are further pages.
bool append_patch(PullAnswer& answer, const Pull& pull) {
    if (pull.begins()) answer.append_clear();
    if (pull.is_paged()) return append_page(answer, pull);
    if (pull.begins())
        pull.tables->append_all(answer);
    else
        pull.tables->append_changes(answer, pull.view);
    if (pull.view == nullptr) return false;
    Page page(answer.buffer(), page_size(), false);
    pull.tables->append_viewed(answer, *pull.view, pg::settings.page_size > 0 && !pull.begins() ? &page : nullptr);
    return page.has_more();
}

// Appends the last mutation ids that the client does not know. Returns whether there are any. Nullopt: the server knows less than the
// client. `held_back`: they come with the last page, together with what the mutations have done.
std::optional<bool> append_ids(PullAnswer& answer, const Pull& pull, bool held_back) {
    const PullRequest& request = pull.request;
    Progress& progress = pull.progress;
    if (request.client_id) {
        std::int64_t id = last_mutation_id(request.client_group_id, *request.client_id);
        if (progress.kind == Kind::behind) id = std::max(id, request.last_mutation_id);
        if (id < request.last_mutation_id) return std::nullopt;
        if (held_back) id = request.last_mutation_id;
        answer.append_last_mutation_id(id);
        return id > request.last_mutation_id;
    }
    if (pull.groups != nullptr) {
        if (pull.has_news() && !held_back) return pull.groups->append_news(answer, progress, pull.begins() || pull.is_paged());
        ClientGroups::append_nothing(answer);
        return false;
    }
    answer.begin_last_mutation_ids();
    const int empty = answer.length();
    if (held_back && request.cookie) progress.cookie.confirmed = request.cookie->confirmed;
    if (request.client_group_id && pull.has_news() && !held_back)
        progress.cookie.confirmed = append_last_mutation_ids(answer, *request.client_group_id, progress, pull.begins() || pull.is_paged());
    const bool changed = answer.length() > empty;
    answer.end_last_mutation_ids();
    return changed;
}

// Notes that the record of the new cookie's view is in use.
void note_use(const Pull& pull) {
    const CookieView& view = *pull.progress.cookie.view;
    if (pull.groups == nullptr || pull.groups->ids().empty()) {
        pull.view->note_use(view, pull.request.client_group_id);
        return;
    }
    // In one order for all, so that two calls do not wait for each other.
    std::vector<std::string_view> ids(pull.groups->ids().begin(), pull.groups->ids().end());
    std::sort(ids.begin(), ids.end());
    for (const std::string_view id : ids) {
        pg::check_interrupts();
        if (!pull.view->note_use(view, std::string(id))) return;
    }
}

// Appends the answer. Returns whether it has anything new. Nullopt: the server knows less than the client.
std::optional<bool> append_answer(PullAnswer& answer, const Pull& pull) {
    const PullRequest& request = pull.request;
    Progress& progress = pull.progress;
    const auto append_cookie = [&] { answer.append_cookie(pull.has_news() ? progress.cookie : *request.cookie); };
    const bool paged = pull.is_paged();
    // The cookie comes first. When it names what the patch has or lacks, it comes last.
    const bool cookie_last = pg::settings.skip_broken_tables || pull.view != nullptr || paged;
    PullAnswer ids;
    auto new_ids = paged ? false : append_ids(ids, pull, false);
    if (!new_ids) return std::nullopt;
    answer.begin();
    if (request.is_shared) answer.append_base_cookie(request.base_cookie);
    if (!cookie_last) {
        append_cookie();
        answer.append(",");
    }
    if (!paged) {
        answer.append(ids.text());
        answer.append(",");
    }
    answer.begin_patch();
    const int empty = answer.length();
    // A server that is behind the cookie of a page has the other pages later.
    const bool more = pull.has_news() ? append_patch(answer, pull) : request.cookie && request.cookie->page;
    bool changed = paged || answer.length() > empty;
    answer.end_patch();
    if (pull.has_news() && pull.view != nullptr && !request.plain_cookies) {
        const bool same_view = pull.view->is_same();
        progress.cookie.view = same_view ? request.cookie->view : pull.view->next();
        note_use(pull);
        changed |= !same_view;
    }
    if (paged) {
        answer.append(",");
        new_ids = append_ids(answer, pull, more);
        if (!new_ids) return std::nullopt;
        if (!more) progress.cookie.page.reset();
    }
    if (more) {
        answer.append(R"(,"more":true)");
        if (!progress.other_history) progress.cookie.order = order_of_page(request.cookie);
    }
    if (cookie_last) {
        answer.append(",");
        append_cookie();
    }
    answer.end();
    return *new_ids || changed;
}

// Makes the view of the client in a space where clients see different things. It changes the progress: what the client has must be known,
// too.
void begin_view(std::optional<ClientView>& view, PulledTables& tables, const PullRequest& request, Progress& progress) {
    if (request.plain_cookies && progress.kind != Kind::everything)
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "pull_since cannot tell what a client has of private tables",
                       "The space has tables that are private or have parts, and the version is only a number.",
                       "Call replicache.pull, or pull_since(NULL) for everything.");
    const bool counts = progress.kind == Kind::changes && request.cookie->view;
    view.emplace(counts ? &*request.cookie->view : nullptr, ViewOwner{request.user_id, request.space});
    if (!tables.mark_parts(*view) || !view->is_known()) {
        view->hold_nothing();
        progress.kind = Kind::everything;
    }
}

// Begins a complete pull in pages, or goes on with it.
void begin_page(const PullRequest& request, Progress& progress) {
    if (progress.kind == Kind::everything && pg::settings.page_size > 0) progress.cookie.page.emplace();
    if (progress.kind == Kind::changes) progress.cookie.page = request.cookie->page;
}

// Whether the cookie says more than a position, so that the tables must be asked though nothing has changed in the space. A cookie without
// a view is older than the first private table of the space, whose floor lies above it.
bool says_more(const PullRequest& request) {
    return request.cookie && (request.cookie->view || request.cookie->page || request.plain_cookies);
}

// Throws 0A000 when an expression has asked for what differs between the client groups that get the answer. An expression that catches
// errors cannot catch this one.
void check_answered(const Unanswered& unanswered) {
    if (unanswered.user) refuse_one_answer("An expression has called replicache.current_user_id().");
    if (unanswered.client)
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "different client groups may see different rows",
                       "An expression has called replicache.current_client_group_id() or current_client_id().", "Let every client pull.");
}

std::optional<Datum> pull_under_snapshot(const PullRequest& request, PullAnswer& answer) {
    const pg::SpiConnection spi;
    check_tracking();  // first, because a fault must be reported even when nothing seems to be new
    Progress progress = engine::progress(request.space, request.cookie, request.plain_cookies);
    // The clients of a group are stamped with versions of the group's space. In another space these versions mean nothing.
    if (request.client_group_id) {
        const auto recorded = check_group({*request.client_group_id, request.user_id, request.space},
                                          request.any_user ? GroupAccess::read_as_any_user : GroupAccess::read);
        if (recorded && *recorded != request.space && progress.kind == Kind::changes && !request.cookie->page)
            progress.kind = Kind::everything;
        if (progress.other_history && !request.client_id && !knows_confirmed(*request.client_group_id, request.cookie->confirmed))
            return std::nullopt;
    }
    if (progress.kind == Kind::lost) return std::nullopt;
    std::optional<ClientGroups> groups;
    if (request.is_shared) {
        // Whether its mutations are known here differs from group to group.
        if (progress.other_history && !request.cookie->origin.empty()) return std::nullopt;
        groups.emplace(request.client_group_ids, request.user_id, request.space);
    }

    Unanswered unanswered;
    const Context context{.user_id = request.user_id,
                          .space = request.space,
                          .client_group_id = request.client_group_id,
                          .client_id = request.client_id,
                          .version = progress.version,
                          .schema_version = request.schema_version,
                          .unanswered = request.is_shared ? &unanswered : nullptr};
    const ContextScope scope(context);

    std::optional<PulledTables> tables;
    std::optional<ClientView> view;
    const bool asks =
        progress.kind == Kind::changes || progress.kind == Kind::everything || (progress.kind == Kind::nothing && says_more(request));
    const bool for_all_users = request.is_shared && !request.user_id;
    if (asks || for_all_users) tables.emplace(request, progress);
    if (for_all_users) {
        tables->drop_stale_plans();
        tables->check_same_for_all();
    }
    if (asks) {
        const bool pages = !request.plain_cookies && (pg::settings.page_size > 0 || (request.cookie && request.cookie->page));
        // A client stays with orders that follow snapshots, or tabs of it could take older data for newer.
        const bool follows = tables->need_view() || pages || (request.cookie && request.cookie->at > 0);
        if (!request.plain_cookies && follows) follow_snapshots(progress, request.cookie);
        if (tables->need_view()) {
            if (progress.kind != Kind::behind) begin_view(view, *tables, request, progress);
        } else if (request.cookie && request.cookie->view && progress.kind != Kind::behind) {
            progress.kind = Kind::everything;
        }
        if (pages) begin_page(request, progress);
    }

    const bool same = progress.kind == Kind::nothing || progress.kind == Kind::behind;
    const Pull pull{request, progress, tables ? &*tables : nullptr, view ? &*view : nullptr, groups ? &*groups : nullptr};
    const auto changed = append_answer(answer, pull);
    if (!changed) return std::nullopt;
    if (for_all_users) tables->check_same_for_all();  // once more, because now all queries are planned
    check_answered(unanswered);
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
