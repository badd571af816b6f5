#include "engine/push/rejection.h"

#include "engine/mutators/queued_call.h"
#include "pg/array.h"
#include "pg/memory.h"
#include "pg/new_rows.h"
#include "pg/own_table.h"
#include "pg/spi.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

using pg::value;
using pg::Value;
using Rejections = std::span<const Rejection>;

// Of the table.
constexpr Oid column_types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID,        TEXTOID,
                                JSONOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID};

// False: nothing is stored. The table is tracked, or has triggers of its own, and those need an INSERT. The args are valid JSON, because
// json's input function has read the whole request.
bool store_directly(const Batch& batch, Rejections rejections, const ClientGroup& group) {
    pg::NewRows rows("mutation_error", column_types);
    if (!rows.is_plain()) return false;
    for (const auto& [index, failure] : rejections)
        rows.add([&, &mutation = batch.mutations[index], &failure = failure](pg::NewRows::Columns row) {
            row.text(group.space);
            row.text(group.user_id);
            row.text(group.id);
            row.text(batch.client_of(mutation));
            row.datum(Int64GetDatum(mutation.id));
            row.text(mutation.name);
            mutation.args.empty() ? row.null() : row.text(mutation.args);
            row.text(failure.sqlstate);
            row.text(failure.message);
            row.text(failure.detail);
            row.text(failure.hint);
            row.datum(TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
            row.datum(Int64GetDatum(0));  // the version, which tracking would write
        });
    rows.finish();
    return true;
}

void store_by_sql(const Batch& batch, Rejections rejections, const ClientGroup& group) {
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
    std::vector<Value> clients, names, args, sqlstates, messages, details, hints;
    std::vector<std::int64_t> ids;
    for (const auto& [index, failure] : rejections) {
        const Mutation& mutation = batch.mutations[index];
        clients.push_back(value(batch.client_of(mutation)));
        ids.push_back(mutation.id);
        names.push_back(value(mutation.name));
        args.push_back(mutation.args.empty() ? Value{} : value(mutation.args));
        sqlstates.push_back(value(failure.sqlstate));
        messages.push_back(value(failure.message));
        details.push_back(value(failure.detail));
        hints.push_back(value(failure.hint));
    }
    const auto texts = [](const std::vector<Value>& elements) { return value(pg::text_array(elements)); };
    const pg::SpiConnection spi;
    insert.run({value(group.space), value(group.user_id), value(group.id), texts(clients), value(pg::int8_array(ids)), texts(names),
                value(pg::array_datum(args, JSONOID, -1, false, TYPALIGN_INT)), texts(sqlstates), texts(messages), texts(details),
                texts(hints)});
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
    if (rejections.empty() || store_directly(batch, rejections, group)) return;
    pg::ScratchContext scratch;
    pg::in_parts(Rejections(rejections), [&](Rejections part) {
        store_by_sql(batch, part, group);
        scratch.reset();
    });
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
