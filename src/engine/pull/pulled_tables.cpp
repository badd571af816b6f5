#include "engine/pull/pulled_tables.h"

#include "engine/session/failure.h"
#include "engine/tracking/key_log.h"
#include "pg/settings.h"
#include "pg/spi.h"
#include "pg/subtransaction.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::TableScan;
using Is = TableScan::Is;
using Kind = Progress::Kind;
using Query = TableView::Query;

bool is_in(const std::vector<std::int64_t>& tables, const TableView& view) {
    return std::find(tables.begin(), tables.end(), view.relation()) != tables.end();
}

// The client keeps what it has of the table.
void keep(ClientView& client, const TableView& view) {
    client.keep([&view, prefix = ClientView::part_prefix(view.relation())](std::string_view key) {
        return view.has_parts() ? key.starts_with(prefix) : view.may_have(key);
    });
}

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

}  // namespace

PulledTables::PulledTables(const PullRequest& request, Progress& progress) : request_(request), progress_(progress) {
    for (auto& view : lock_table_views()) {
        if (!view->may_have_rows(request.space)) continue;
        if (view->storage().is_newer_than(GetActiveSnapshot())) throw OldSnapshot{view->relation()};
        const bool is_viewed = view->is_private() || view->has_parts();
        if (view->has_parts()) parted_.push_back(view);
        (is_viewed ? viewed_ : public_).push_back(std::move(view));
    }
}

void refuse_one_answer(const std::string& detail) {
    throw pg::SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "clients of different users may see different rows", detail,
                       "Pass user_id, with the client groups of this user only.");
}

bool PulledTables::need_view() const { return !viewed_.empty(); }

void PulledTables::check_same_for_all() const {
    for (const auto& view : viewed_)
        refuse_one_answer("Table " + pg::qualified_name(view->relation()) + (view->has_parts() ? " has parts." : " is private."));
    for (const auto& view : public_)
        if (view->has_row_security())
            refuse_one_answer("Row-level security applies to what the calling role reads for table " +
                              pg::qualified_name(view->relation()) + ".");
}

void PulledTables::drop_stale_plans() {
    for (const auto& view : public_) view->drop_stale_plans();
}

bool PulledTables::mark_parts(ClientView& client) {
    bool known = true;
    for (const auto& view : parted_)
        if (!append(nullptr, *view, [&] { view->mark_parts(client); }))
            keep(client, *view);
        else
            known &= client.parts_of(view->relation()).gone.empty() || view->owner_sees_all();
    return known;
}

void PulledTables::append_all(PullAnswer& answer) {
    for (const auto& view : public_)
        append(
            &answer, *view, [&] { append_rows(answer, *view, Query::everything); });
}

bool PulledTables::append_page(PullAnswer& answer, Page& page) {
    CookiePage& place = *progress_.cookie.page;
    for (const auto& view : public_) {
        if (view->relation() < place.table) continue;
        if (view->relation() > place.table) place = {.table = view->relation(), .at = place.at};
        std::string after = place.after;
        append(&answer, *view, [&] { view->append_page(answer.buffer(), page, after, request_.space); });
        place.after = after;
        if (page.has_more()) return false;
    }
    place = {.table = CookiePage::all_tables, .at = place.at};
    return true;
}

void PulledTables::append_changes(PullAnswer& answer, const ClientView* client) {
    append_tombstones(answer, client);
    for (const auto& view : public_)
        if (view->soft_deletes()) append(&answer, *view, [&] { append_rows(answer, *view, Query::soft_deleted); });
    for (const auto& view : public_)
        append(&answer, *view, [&] { append_rows(answer, *view, was_skipped(*view) ? Query::everything : Query::changed); });
}

void PulledTables::append_viewed(PullAnswer& answer, ClientView& client, Page* page) {
    const bool all = progress_.kind == Kind::everything && page == nullptr;
    for (const auto& view : viewed_) {
        const TableView::Wanted wanted{
            .all = all || was_skipped(*view), .versions = progress_.versions, .space = request_.space, .page = page};
        const bool done = append(&answer, *view, [&] {
            if (view->is_private())
                view->append_private(answer.buffer(), client, wanted);
            else
                view->append_parts(answer.buffer(), client, wanted);
        });
        if (!done) keep(client, *view);
    }
    client.forget_unsent();
    for (const std::string_view key : client.gone()) answer.append_del(key);
}

// Whether the client got no rows of the table with its cookie, so that it gets all of them now.
bool PulledTables::was_skipped(const TableView& view) const { return request_.cookie && is_in(request_.cookie->skipped, view); }

// Whether this pull has found the table broken.
bool PulledTables::is_skipped(const TableView& view) const { return is_in(progress_.cookie.skipped, view); }

void PulledTables::append_tombstones(PullAnswer& answer, const ClientView* client) {
    const Versions& versions = progress_.versions;
    const auto is_held = [&](std::string_view key, std::string_view part) {
        return client != nullptr &&
               std::any_of(parted_.begin(), parted_.end(), [&](const auto& view) { return view->was_held(*client, key, part); });
    };
    constexpr const char *table = "tombstone", *index = "tombstone_space_version_idx";
    const TableScan::Condition in_space{tombstone_column::space, TEXTOID, Is::equal, pg::text_datum(request_.space)};
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

void PulledTables::append_rows(PullAnswer& answer, TableView& view, Query query) {
    const bool all = progress_.kind == Kind::everything || was_skipped(view);
    view.append_patch(answer.buffer(), query, all ? Versions::every() : progress_.versions, request_.space);
}

template <class Append>
bool PulledTables::append(PullAnswer* answer, const TableView& view, Append append_rows) {
    if (is_skipped(view)) return false;
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

}  // namespace replicache::engine
