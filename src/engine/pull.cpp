#include "engine/pull.h"

#include "engine/client.h"
#include "engine/context.h"
#include "engine/space.h"
#include "engine/tracked_table.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::Rows;
using pg::Snapshot;
using pg::SqlError;
using pg::value;

struct SpaceState {
    std::int64_t version = 0;
    std::int64_t floor = 0;
};

// A space that nobody has changed yet has no row.
SpaceState read_space(const std::string& id) {
    pg::Table table("space", pg::Table::Access::read);
    if (!table.find(id)) return {};
    return {table.int8(space_column::version), table.int8(space_column::floor)};
}

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
    StringInfo buffer() { return &text_; }
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

// V0: the one client's number. nullopt: the server knows less than the client.
std::optional<std::int64_t> last_mutation_id(const PullRequest& request) {
    pg::Table table("client", pg::Table::Access::read);
    std::int64_t id = 0;
    if (table.find(*request.client_id)) {
        if (table.text(client_column::group) != request.client_group_id) refuse_client(*request.client_id);
        id = table.int8(client_column::last_mutation_id);
    }
    if (id < request.last_mutation_id) return std::nullopt;
    return id;
}

// V1: the clients of the group whose number changed after `since`.
void append_last_mutation_ids(Answer& answer, const std::string& group, std::int64_t since) {
    static pg::Statement query(
        "SELECT id, last_mutation_id FROM replicache.client WHERE client_group_id OPERATOR(pg_catalog.=) $1 "
        "AND version OPERATOR(pg_catalog.>) $2 ORDER BY id",
        {TEXTOID, INT8OID});
    const pg::AsOwner owner;
    const Rows rows = query.run({value(group), value(since)}, Snapshot::active);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        answer.append_string(*rows.text(i, 1));
        answer.append(":" + std::to_string(rows.int8(i, 2)) + ",");
    }
    answer.end_list();
}

void append_tombstones(Answer& answer, const std::string& space, std::int64_t since) {
    static pg::Statement query(
        "SELECT DISTINCT key FROM replicache.tombstone WHERE space OPERATOR(pg_catalog.=) $1 "
        "AND version OPERATOR(pg_catalog.>) $2 ORDER BY key",
        {TEXTOID, INT8OID});
    const pg::AsOwner owner;
    const Rows rows = query.run({value(space), value(since)}, Snapshot::active);
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        pg::check_interrupts();
        answer.append("{\"op\":\"del\",\"key\":");
        answer.append_string(*rows.text(i, 1));
        answer.append("},");
    }
}

void append_changes(Answer& answer, const PullRequest& request, TableView::Range versions) {
    using Query = TableView::Query;
    const auto views = table_views();  // a copy: a value expression may itself pull
    append_tombstones(answer, request.space, versions.since);
    for (const auto& view : views)
        if (view->soft_deletes()) view->append_patch(answer.buffer(), Query::soft_deleted, versions, request.space);
    for (const auto& view : views) view->append_patch(answer.buffer(), Query::changed, versions, request.space);
}

void append_everything(Answer& answer, const PullRequest& request) {
    answer.append("{\"op\":\"clear\"},");
    const auto views = table_views();
    for (const auto& view : views) view->append_patch(answer.buffer(), TableView::Query::everything, {}, request.space);
}

std::optional<Datum> pull_under_snapshot(const PullRequest& request, Answer& answer) {
    const pg::SpiConnection spi;
    const SpaceState space = read_space(request.space);
    if (request.check_owner && request.client_group_id)
        check_group({*request.client_group_id, request.user_id, request.space}, false);
    const std::int64_t since = request.since.value_or(0);
    if (since > space.version) return std::nullopt;
    const bool complete = request.since ? since < space.floor || (since == 0 && space.version > 0) : true;

    answer.append("{\"cookie\":" + std::to_string(space.version));
    if (request.client_id) {
        const auto id = last_mutation_id(request);
        if (!id) return std::nullopt;
        answer.append(",\"lastMutationID\":" + std::to_string(*id) + ",\"patch\":[");
    } else {
        answer.append(",\"lastMutationIDChanges\":{");
        if (request.client_group_id && (complete || since < space.version))
            append_last_mutation_ids(answer, *request.client_group_id, complete ? 0 : since);
        answer.append("},\"patch\":[");
    }

    Context context;
    context.user_id = request.user_id;
    context.space = request.space;
    context.client_group_id = request.client_group_id;
    context.client_id = request.client_id;
    context.version = space.version;
    context.schema_version = request.schema_version;
    const ContextScope scope(context);
    if (complete)
        append_everything(answer, request);
    else if (since < space.version)
        append_changes(answer, request, {since, space.version});
    answer.end_list();
    answer.append("]}");
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
