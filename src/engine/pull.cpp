#include "engine/pull.h"

#include "engine/client.h"
#include "engine/context.h"
#include "engine/failure.h"
#include "engine/history.h"
#include "engine/key_log.h"
#include "engine/progress.h"
#include "engine/snapshot.h"
#include "engine/table_view.h"
#include "engine/tracking_faults.h"
#include "pg/settings.h"
#include "pg/subtransaction.h"
#include "pg/table.h"

#include <charconv>

extern "C" {
#include "common/hashfn.h"
}

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
    void append(const std::vector<std::int64_t>& numbers) {
        append("[");
        for (const std::int64_t number : numbers) {
            append(number);
            append(",");
        }
        end_list();
        append("]");
    }
    void append(const Order& order) {
        if (order.level == 0) return append(order.number);
        append("\"");
        for (int i = 0; i < order.level; ++i) append("\\uffff");
        const std::string digits = std::to_string(order.number);
        append(std::string(16 - digits.size(), '0') + digits + "\"");
    }
    void append(const Cookie& cookie) {
        if (!cookie.source.empty()) return append(cookie.source);
        if (cookie.origin.empty()) return append(cookie.version);
        append("{\"order\":");
        append(cookie.order);
        if (cookie.xmax > 0) {
            append(",\"xmax\":");
            append(cookie.xmax);
            append(",\"inProgress\":");
            append(cookie.in_progress);
        } else {
            append(",\"version\":");
            append(cookie.version);
        }
        append(",\"lsn\":");
        guarded([this, lsn = cookie.lsn] { appendStringInfo(&text_, "\"%X/%X\"", static_cast<uint32>(lsn >> 32), static_cast<uint32>(lsn)); });
        if (!cookie.confirmed.empty()) {
            append(",\"confirmed\":");
            append_string(cookie.confirmed);
        }
        if (!cookie.skipped.empty()) {
            append(",\"skipped\":");
            append(cookie.skipped);
        }
        append(",\"origin\":");
        append_string(cookie.origin);
        append("}");
    }
    std::string_view text() const { return {text_.data + VARHDRSZ, static_cast<std::size_t>(text_.len) - VARHDRSZ}; }
    StringInfo buffer() { return &text_; }
    int length() const { return text_.len; }
    void clear() { cut(VARHDRSZ); }
    void cut(int length) { text_.len = length; }
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

// In cookies, ids of clients are short.
std::string hash_of(std::string_view id) { return std::to_string(hash_bytes(reinterpret_cast<const unsigned char*>(id.data()), static_cast<int>(id.size()))); }

TableScan clients_of(const std::string& group) {
    return {"client", "client_client_group_id_idx", {{client_column::group, TEXTOID, Is::equal, pg::text_datum(group)}}};
}

// V1: the clients of the group whose number changed. Returns the last mutation of the group, for Cookie::confirmed; empty: none.
std::string append_last_mutation_ids(Answer& answer, const std::string& group, const Progress& progress) {
    const bool all = progress.kind == Kind::everything;
    std::vector<std::pair<std::string, std::int64_t>> changed;
    std::pair<std::string, std::int64_t> last;
    std::pair newest(false, std::int64_t{-1});
    TableScan clients = clients_of(group);
    while (clients.next()) {
        const std::int64_t version = clients.int8(client_column::version), id = clients.int8(client_column::last_mutation_id);
        // In a database that was restored from a dump, it may be the id of a transaction to come.
        const bool is_past = progress.cookie.xmax == 0 || version < progress.cookie.xmax;
        if (const std::pair rank(is_past, version); rank > newest) {
            newest = rank;
            last = {clients.text(client_column::id), id};
        }
        if (all || progress.versions.contain(version)) changed.emplace_back(clients.text(client_column::id), id);
    }
    std::sort(changed.begin(), changed.end());
    for (const auto& [client, id] : changed) {
        answer.append_string(client);
        answer.append(":" + std::to_string(id) + ",");
    }
    answer.end_list();
    return last.first.empty() ? std::string() : hash_of(group) + "-" + hash_of(last.first) + "-" + std::to_string(last.second);
}

// Whether the group's confirmed mutations are known here, as far as a cookie of another history tells. They are not in a database that was made
// anew, or in one that was restored to an older state. Then clients have to start afresh: they would ignore an answer that reports less than
// they know, and their next mutations cannot be taken. They go on as a new group, with the same cookie.
bool knows_confirmed(const std::string& group, std::string_view confirmed) {
    const std::size_t first = confirmed.find('-'), second = confirmed.rfind('-');
    if (first == second || confirmed.substr(0, first) != hash_of(group)) return true;  // none, or another group's
    std::int64_t theirs = 0;
    std::from_chars(confirmed.data() + second + 1, confirmed.data() + confirmed.size(), theirs);
    TableScan clients = clients_of(group);
    while (clients.next())
        if (clients.int8(client_column::last_mutation_id) >= theirs && hash_of(clients.text(client_column::id)) == confirmed.substr(first + 1, second - first - 1)) return true;
    return false;
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

// Whether the error is about what a table's expressions do, or its rows and rights. It is not where the answer is too large, or the table was
// altered meanwhile.
bool is_of_the_table(int sqlerrcode) {
    const int category = ERRCODE_TO_CATEGORY(sqlerrcode);
    return scope_of(sqlerrcode) == Scope::mutation && category != ERRCODE_PROGRAM_LIMIT_EXCEEDED && category != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
}

// The tables of a pull. One whose expressions fail is left out, where the setting says so: its rows come once they can be read.
class Tables {
public:
    using Query = TableView::Query;

    Tables(const PullRequest& request, Progress& progress) : request_(request), progress_(progress), views_(lock_table_views()) {
        for (const auto& view : views_)
            if (view->may_have_rows(request.space) && view->storage().is_newer_than(GetActiveSnapshot())) throw OldSnapshot{view->relation()};
    }
    void append(Answer& answer, bool soft_deleted) {
        for (const auto& view : views_) {
            if (is_in(progress_.cookie.skipped, *view) || (soft_deleted && !view->soft_deletes())) continue;
            const bool all = progress_.kind == Kind::everything || (request_.cookie && is_in(request_.cookie->skipped, *view));
            const Query query = soft_deleted ? Query::soft_deleted : all ? Query::everything : Query::changed;
            static const Versions every{PG_INT64_MIN, PG_INT64_MAX};
            append(answer, *view, query, all ? every : progress_.versions);
        }
    }

private:
    static bool is_in(const std::vector<std::int64_t>& tables, const TableView& view) { return std::find(tables.begin(), tables.end(), view.relation()) != tables.end(); }

    void append(Answer& answer, TableView& view, Query query, const Versions& versions) {
        if (!pg::settings.skip_broken_tables || request_.plain_cookies) return view.append_patch(answer.buffer(), query, versions, request_.space);
        const int length = answer.length();
        auto error = pg::attempt([&] { view.append_patch(answer.buffer(), query, versions, request_.space); });
        if (!error) return;
        if (!is_of_the_table(error->sqlerrcode())) throw std::move(*error);
        answer.cut(length);
        log_broken_table(view.relation(), failure_of(*error));
        progress_.cookie.skipped.push_back(view.relation());
    }

    const PullRequest& request_;
    Progress& progress_;
    const std::vector<std::shared_ptr<TableView>> views_;
};

void append_patch(Answer& answer, const PullRequest& request, Progress& progress) {
    Tables tables(request, progress);
    if (progress.kind == Kind::everything) {
        answer.append("{\"op\":\"clear\"},");
    } else {
        append_tombstones(answer, request.space, progress.versions);
        tables.append(answer, true);
    }
    tables.append(answer, false);
}

// Appends the answer. Whether there is anything new in it; nullopt: the server knows less than the client.
std::optional<bool> append_answer(Answer& answer, const PullRequest& request, Progress& progress) {
    const bool any = progress.kind == Kind::changes || progress.kind == Kind::everything;
    bool changed = false;
    Answer ids;
    if (request.client_id) {
        std::int64_t id = last_mutation_id(request);
        if (progress.kind == Kind::behind) id = std::max(id, request.last_mutation_id);
        if (id < request.last_mutation_id) return std::nullopt;
        changed = id > request.last_mutation_id;
        ids.append("\"lastMutationID\":");
        ids.append(id);
    } else {
        ids.append("\"lastMutationIDChanges\":{");
        const int empty = ids.length();
        if (request.client_group_id && any) progress.cookie.confirmed = append_last_mutation_ids(ids, *request.client_group_id, progress);
        changed = ids.length() > empty;
        ids.append("}");
    }
    const auto append_cookie = [&](std::string_view before, std::string_view behind) {
        answer.append(before);
        answer.append(any ? progress.cookie : *request.cookie);
        answer.append(behind);
    };
    // The cookie comes first, but where it has to tell which tables were left out.
    if (!pg::settings.skip_broken_tables) append_cookie("{\"cookie\":", ",");
    else answer.append("{");
    answer.append(ids.text());
    answer.append(",\"patch\":[");
    const int empty = answer.length();
    if (any) append_patch(answer, request, progress);
    changed |= answer.length() > empty;
    answer.end_list();
    answer.append("]");
    if (pg::settings.skip_broken_tables) append_cookie(",\"cookie\":", "");
    answer.append("}");
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
        if (progress.other_history && !request.client_id && !knows_confirmed(*request.client_group_id, request.cookie->confirmed)) return std::nullopt;
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
