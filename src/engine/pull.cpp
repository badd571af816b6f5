#include "engine/pull.h"

#include "engine/client.h"
#include "engine/context.h"
#include "engine/key_log.h"
#include "engine/progress.h"
#include "engine/snapshot.h"
#include "engine/table_view.h"
#include "engine/tracking_faults.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;
using pg::TableScan;
using Is = TableScan::Is;
using Kind = Progress::Kind;

// The answer is written behind room for the header of the varlena that it becomes.
class Answer {
public:
    Answer() {
        guarded([this] {
            initStringInfo(&text_);
            appendStringInfoSpaces(&text_, VARHDRSZ);
        });
    }
    void append(std::string_view text) {
        guarded([this, text] { appendBinaryStringInfo(&text_, text.data(), static_cast<int>(text.size())); });
    }
    void append_string(std::string_view text) {
        guarded([this, text] { pg::append_json_string(&text_, text); });
    }
    void append(std::int64_t number) { append(std::to_string(number)); }
    void append(const Cookie& cookie) {
        if (cookie.origin.empty()) return append(cookie.order);
        append("{\"order\":");
        append(cookie.order);
        append(",\"xmax\":");
        append(cookie.xmax);
        append(",\"inProgress\":[");
        for (const std::int64_t id : cookie.in_progress) {
            append(id);
            append(",");
        }
        end_list();
        append("],\"origin\":");
        append_string(cookie.origin);
        append("}");
    }
    StringInfo buffer() { return &text_; }
    int length() const { return text_.len; }
    void clear() { text_.len = VARHDRSZ; }
    // Removes the comma behind the last element of a list.
    void end_list() {
        if (text_.data[text_.len - 1] == ',') --text_.len;
    }
    Datum datum() {
        SET_VARSIZE(text_.data, text_.len);
        return PointerGetDatum(text_.data);
    }

private:
    StringInfoData text_;
};

// V0: the one client's number.
std::int64_t last_mutation_id(const PullRequest& request) {
    pg::Table table("client", pg::Table::Access::read);
    if (!table.find(*request.client_id)) return 0;
    if (table.text(client_column::group) != request.client_group_id) refuse_client(*request.client_id);
    return table.int8(client_column::last_mutation_id);
}

// V1: the clients of the group whose number changed.
void append_last_mutation_ids(Answer& answer, const std::string& group, const Versions& versions) {
    std::vector<std::pair<std::string, std::int64_t>> changed;
    TableScan clients("client", "client_client_group_id_idx", {{client_column::group, TEXTOID, Is::equal, pg::text_datum(group)}});
    while (clients.next())
        if (versions.contain(clients.int8(client_column::version)))
            changed.emplace_back(clients.text(client_column::id), clients.int8(client_column::last_mutation_id));
    std::sort(changed.begin(), changed.end());
    for (const auto& [client, id] : changed) {
        answer.append_string(client);
        answer.append(":" + std::to_string(id) + ",");
    }
    answer.end_list();
}

void collect_keys(std::vector<std::string>& keys, TableScan& tombstones) {
    while (tombstones.next()) {
        pg::check_interrupts();
        keys.push_back(tombstones.text(tombstone_column::key));
    }
}

void append_tombstones(Answer& answer, const std::string& space, const Versions& versions) {
    constexpr const char *table = "tombstone", *index = "tombstone_space_version_idx";
    const TableScan::Condition in_space{tombstone_column::space, TEXTOID, Is::equal, pg::text_datum(space)};
    const auto version = [](Is is, std::int64_t value) { return TableScan::Condition{tombstone_column::version, INT8OID, is, Int64GetDatum(value)}; };
    std::vector<std::string> keys;
    {
        TableScan range(table, index, {in_space, version(Is::above, versions.since), version(Is::up_to, versions.until)});
        collect_keys(keys, range);
    }
    for (const std::int64_t also : versions.also) {
        TableScan one(table, index, {in_space, version(Is::equal, also)});
        collect_keys(keys, one);
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (const std::string& key : keys) {
        answer.append("{\"op\":\"del\",\"key\":");
        answer.append_string(key);
        answer.append("},");
    }
}

void append_patch(Answer& answer, const PullRequest& request, const Progress& progress) {
    using Query = TableView::Query;
    const bool complete = progress.kind == Kind::everything;
    const auto views = lock_table_views();
    for (const auto& view : views)
        if (view->may_have_rows(request.space) && view->storage().is_newer_than(GetActiveSnapshot())) throw OldSnapshot{view->relation()};
    if (complete) {
        answer.append("{\"op\":\"clear\"},");
    } else {
        append_tombstones(answer, request.space, progress.versions);
        for (const auto& view : views)
            if (view->soft_deletes()) view->append_patch(answer.buffer(), Query::soft_deleted, progress.versions, request.space);
    }
    for (const auto& view : views)
        view->append_patch(answer.buffer(), complete ? Query::everything : Query::changed, progress.versions, request.space);
}

// Appends the answer with this cookie. Whether there is anything new in it; nullopt: the server knows less than the client.
std::optional<bool> append_answer(Answer& answer, const PullRequest& request, const Progress& progress, const Cookie& cookie) {
    const bool any = progress.kind == Kind::changes || progress.kind == Kind::everything;
    bool changed = false;
    answer.append("{\"cookie\":");
    answer.append(cookie);
    if (request.client_id) {
        std::int64_t id = last_mutation_id(request);
        if (progress.kind == Kind::behind) id = std::max(id, request.last_mutation_id);
        if (id < request.last_mutation_id) return std::nullopt;
        changed = id > request.last_mutation_id;
        answer.append(",\"lastMutationID\":");
        answer.append(id);
    } else {
        answer.append(",\"lastMutationIDChanges\":{");
        const int empty = answer.length();
        if (request.client_group_id && any) {
            const Versions all{-1, PG_INT64_MAX};
            append_last_mutation_ids(answer, *request.client_group_id, progress.kind == Kind::everything ? all : progress.versions);
        }
        changed = answer.length() > empty;
        answer.append("}");
    }
    answer.append(",\"patch\":[");
    const int empty = answer.length();
    if (any) append_patch(answer, request, progress);
    changed |= answer.length() > empty;
    answer.end_list();
    answer.append("]}");
    return changed;
}

std::optional<Datum> pull_under_snapshot(const PullRequest& request, Answer& answer) {
    const pg::SpiConnection spi;
    check_tracking();  // also where nothing seems to be new
    Progress progress = engine::progress(request.space, request.cookie, request.plain_cookies);
    // A group of another space counts in the versions of that space.
    if (request.client_group_id) {
        const auto recorded = check_group({*request.client_group_id, request.user_id, request.space}, request.any_user ? GroupAccess::read_as_any_user : GroupAccess::read);
        if (recorded && *recorded != request.space && progress.kind == Kind::changes) progress.kind = Kind::everything;
    }
    if (progress.kind == Kind::lost) return std::nullopt;

    Context context;
    context.user_id = request.user_id;
    context.space = request.space;
    context.client_group_id = request.client_group_id;
    context.client_id = request.client_id;
    context.version = progress.version;
    context.schema_version = request.schema_version;
    const ContextScope scope(context);

    const bool same = progress.kind == Kind::nothing || progress.kind == Kind::behind;
    const auto changed = append_answer(answer, request, progress, same ? *request.cookie : progress.cookie);
    if (!changed) return std::nullopt;
    if (!*changed && !same && progress.keeps_cookie) {
        progress.kind = Kind::nothing;
        answer.clear();
        append_answer(answer, request, progress, *request.cookie);
    } else if (!same && progress.must_flush) {
        flush_seen();
    }
    return answer.datum();
}

}  // namespace

std::optional<Datum> pull(const PullRequest& request) {
    Answer answer;  // before SPI, so that it outlives it
    try {
        return under_fitting_snapshot([&] {
            answer.clear();
            return pull_under_snapshot(request, answer);
        });
    } catch (const pg::PgError& error) {
        // What stringinfo.c says when a buffer would pass 1 GB.
        if (error.sqlerrcode() != ERRCODE_PROGRAM_LIMIT_EXCEEDED || answer.buffer()->len < (1 << 28)) throw;
    }
    throw SqlError(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "client view is larger than 1 GB", {},
                   "Track fewer or smaller rows, or divide them into spaces.");
}

}  // namespace replicache::engine
