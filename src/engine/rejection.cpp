#include "engine/rejection.h"

#include "pg/array.h"
#include "pg/spi.h"

namespace replicache::engine {

using pg::value;
using pg::Value;

// One statement for all of them: whoever tracks the table, or puts triggers on it, must see an INSERT. The args have passed
// json's input function with the request, so they go in as they are.
void store_rejections(const Batch& batch, const std::vector<Rejection>& rejections, const ClientGroup& group) {
    if (rejections.empty()) return;
    static pg::Statement insert(
        "INSERT INTO replicache.mutation_error (space, user_id, client_group_id, client_id, mutation_id, name, args, "
        "sqlstate, message, detail, hint) SELECT $1, $2, $3, u.client_id, u.mutation_id, u.name, u.args, "
        "u.sqlstate, u.message, u.detail, u.hint FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5), "
        "pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), "
        "pg_catalog.unnest($10), pg_catalog.unnest($11)) "
        "AS u(client_id, mutation_id, name, args, sqlstate, message, detail, hint)",
        {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, JSONARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
         TEXTARRAYOID, TEXTARRAYOID});
    std::vector<Value> clients, ids, names, args, sqlstates, messages, details, hints;
    for (const auto& [index, failure] : rejections) {
        const Mutation& mutation = batch.mutations[index];
        clients.push_back(value(mutation.client_id));
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
    const pg::AsOwner owner;
    insert.run({value(group.space), value(group.user_id), value(group.id), array(clients),
                value(pg::array_datum(ids, INT8OID, sizeof(std::int64_t), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)), array(names),
                array(args, JSONOID), array(sqlstates), array(messages), array(details), array(hints)});
}

}  // namespace replicache::engine
