#include "engine/push/rejection.h"

#include "engine/mutators/queued_call.h"
#include "pg/array.h"
#include "pg/memory.h"
#include "pg/own_table.h"
#include "pg/spi.h"

namespace replicache::engine {
namespace {

using pg::value;
using pg::Value;
using Rejections = std::span<const Rejection>;

// Uses SQL statements, because the table may be tracked or have triggers, which must see an INSERT. The args are valid JSON: the request
// that they are a slice of has passed json's input function.
void store_some(const Batch& batch, Rejections rejections, const ClientGroup& group) {
    static pg::OwnStatement insert(
        R"(
            INSERT INTO replicache.mutation_error
                (space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail, hint)
            SELECT $1, $2, $3, u.client_id, u.mutation_id, u.name, u.args, u.sqlstate, u.message, u.detail, u.hint
            FROM ROWS FROM (
                pg_catalog.unnest($4),
                pg_catalog.unnest($5),
                pg_catalog.unnest($6),
                pg_catalog.unnest($7),
                pg_catalog.unnest($8),
                pg_catalog.unnest($9),
                pg_catalog.unnest($10),
                pg_catalog.unnest($11)
            ) AS u(client_id, mutation_id, name, args, sqlstate, message, detail, hint))",
        {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, JSONARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
         TEXTARRAYOID});
    std::vector<Value> clients, ids, names, args, sqlstates, messages, details, hints;
    for (const auto& [index, failure] : rejections) {
        const Mutation& mutation = batch.mutations[index];
        clients.push_back(value(batch.client_of(mutation)));
        ids.push_back(value(mutation.id));
        names.push_back(value(mutation.name));
        args.push_back(mutation.args.empty() ? Value{} : value(mutation.args));
        sqlstates.push_back(value(failure.sqlstate));
        messages.push_back(value(failure.message));
        details.push_back(value(failure.detail));
        hints.push_back(value(failure.hint));
    }
    const auto array = [](const std::vector<Value>& elements, Oid type = TEXTOID) {
        return value(pg::array_datum(elements, type, -1, false, TYPALIGN_INT));
    };
    const pg::SpiConnection spi;
    insert.run({value(group.space), value(group.user_id), value(group.id), array(clients),
                value(pg::array_datum(ids, INT8OID, sizeof(std::int64_t), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)), array(names),
                array(args, JSONOID), array(sqlstates), array(messages), array(details), array(hints)});
}

const char* name_of(RowChange::Kind kind) {
    switch (kind) {
        case RowChange::Kind::insert: return "insert";
        case RowChange::Kind::upsert: return "upsert";
        case RowChange::Kind::update: return "update";
        case RowChange::Kind::remove: return "delete";
    }
    return "";
}

std::string crud_json(const ClientTransaction& transaction) {
    std::string json = "{\"crud\":[";
    for (const RowChange& change : transaction.changes) {
        if (json.back() != '[') json += ',';
        json += change.source;
    }
    return json + "]}";
}

}  // namespace

void store_rejections(const Batch& batch, const std::vector<Rejection>& rejections, const ClientGroup& group) {
    pg::ScratchContext scratch;
    for (Rejections rest = rejections; !rest.empty(); rest = rest.subspan(std::min(pg::max_rows, rest.size()))) {
        store_some(batch, rest.first(std::min(pg::max_rows, rest.size())), group);
        scratch.reset();
    }
}

std::string name_of(const RowChange& change) {
    std::string mutator = called_mutator(change);
    return mutator.empty() ? change.table + "." + name_of(change.kind) : mutator;
}

void store_rejections(const Upload& upload, const std::vector<TransactionResult>& results, const std::optional<std::string>& user_id) {
    static pg::OwnStatement insert(
        R"(
            INSERT INTO replicache.mutation_error
                (space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail, hint)
            VALUES ('', $1, '', $2, $3, $4, $5, $6, $7, $8, $9))",
        {TEXTOID, TEXTOID, INT8OID, TEXTOID, JSONOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    for (std::size_t i = 0; i < results.size(); ++i) {
        const TransactionResult& result = results[i];
        if (result.status != TransactionResult::Status::rejected || result.recorded) continue;
        const auto& changes = upload.transactions[i].changes;
        const RowChange& change = changes.at(result.change.value_or(changes.size() - 1));
        const Failure& failure = result.failure;
        insert.run({value(user_id), value(upload.client_id.value_or("")), value(change.number), value(name_of(change)),
                    value(crud_json(upload.transactions[i])), value(failure.sqlstate), value(failure.message), value(failure.detail),
                    value(failure.hint)});
    }
}

TransactionResult find_rejection(const Upload& upload, const ClientTransaction& transaction, const std::optional<std::string>& user_id) {
    static pg::OwnStatement query(
        R"(
            SELECT mutation_id, sqlstate, message, detail, hint
            FROM replicache.mutation_error
            WHERE client_id OPERATOR(pg_catalog.=) $1
              AND mutation_id OPERATOR(pg_catalog.=) ANY ($2)
              AND client_group_id OPERATOR(pg_catalog.=) ''
              AND (user_id OPERATOR(pg_catalog.=) $3 OR (user_id IS NULL AND $3 IS NULL))
            ORDER BY error_id
            LIMIT 1)",
        {TEXTOID, INT8ARRAYOID, TEXTOID});
    std::vector<std::int64_t> numbers;
    for (const RowChange& change : transaction.changes) numbers.push_back(change.number);
    TransactionResult result{.status = TransactionResult::Status::success};
    const pg::Rows rows = query.run({value(upload.client_id), value(pg::int8_array(numbers)), value(user_id)});
    if (rows.empty()) return result;
    result.status = TransactionResult::Status::rejected;
    result.recorded = true;
    result.change = static_cast<std::size_t>(std::find(numbers.begin(), numbers.end(), rows.int8(0, 1)) - numbers.begin());
    result.failure = {.sqlstate = pg::required(rows.text(0, 2)),
                      .message = pg::required(rows.text(0, 3)),
                      .detail = rows.text(0, 4),
                      .hint = rows.text(0, 5)};
    return result;
}

}  // namespace replicache::engine
