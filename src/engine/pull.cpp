#include "engine/pull.h"

#include "engine/client.h"
#include "engine/context.h"
#include "engine/progress.h"
#include "engine/snapshot.h"
#include "engine/tracked_table.h"
#include "pg/array.h"
#include "pg/table.h"


namespace replicache::engine {
namespace {

using pg::guarded;
using pg::Rows;
using pg::Snapshot;
using pg::SqlError;
using pg::value;
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
    static pg::Statement query(
        "SELECT id, last_mutation_id FROM replicache.client WHERE client_group_id OPERATOR(pg_catalog.=) $1 "
        "AND (version OPERATOR(pg_catalog.>) $2 AND version OPERATOR(pg_catalog.<=) $3 "
        "OR version OPERATOR(pg_catalog.=) ANY ($4)) ORDER BY id",
        {TEXTOID, INT8OID, INT8OID, INT8ARRAYOID});
    const pg::AsOwner owner;
    const Rows rows = query.run({value(group), value(versions.since), value(versions.until), value(pg::int8_array(versions.also))}, Snapshot::active);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        answer.append_string(*rows.text(i, 1));
        answer.append(":" + std::to_string(rows.int8(i, 2)) + ",");
    }
    answer.end_list();
}

void append_tombstones(Answer& answer, const std::string& space, const Versions& versions) {
    static pg::Statement query(
        "SELECT key FROM replicache.tombstone WHERE space OPERATOR(pg_catalog.=) $1 "
        "AND version OPERATOR(pg_catalog.>) $2 AND version OPERATOR(pg_catalog.<=) $3 "
        "UNION SELECT key FROM replicache.tombstone WHERE space OPERATOR(pg_catalog.=) $1 "
        "AND version OPERATOR(pg_catalog.=) ANY ($4) ORDER BY key",
        {TEXTOID, INT8OID, INT8OID, INT8ARRAYOID});
    const pg::AsOwner owner;
    const Rows rows = query.run({value(space), value(versions.since), value(versions.until), value(pg::int8_array(versions.also))}, Snapshot::active);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        pg::check_interrupts();
        answer.append("{\"op\":\"del\",\"key\":");
        answer.append_string(*rows.text(i, 1));
        answer.append("},");
    }
}

void append_patch(Answer& answer, const PullRequest& request, const Progress& progress) {
    using Query = TableView::Query;
    const bool complete = progress.kind == Kind::everything;
    const auto views = table_views();  // a copy: a value expression may itself pull
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
    Progress progress = engine::progress(request.space, request.cookie, request.plain_cookies);
    if (request.check_owner && request.client_group_id)
        check_group({*request.client_group_id, request.user_id, request.space}, false);
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
        return pull_under_snapshot(request, answer);
    } catch (const pg::PgError& error) {
        // What stringinfo.c says when a buffer would pass 1 GB.
        if (error.sqlerrcode() != ERRCODE_PROGRAM_LIMIT_EXCEEDED || answer.buffer()->len < (1 << 28)) throw;
    }
    throw SqlError(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "client view is larger than 1 GB", {},
                   "Track fewer or smaller rows, or divide them into spaces.");
}

}  // namespace replicache::engine
