// sync_pull and sync_push: the lastMutationAt protocol, as status, head and body of answers.
#include "protocol/last_mutation_at.h"
#include "api/arguments.h"
#include "api/request.h"
#include "engine/last_mutation_at/pull.h"
#include "engine/last_mutation_at/push.h"
#include "engine/session/failure.h"
#include "engine/table/canonical_space.h"
#include "pg/array.h"

extern "C" {
#include "utils/tuplestore.h"
}

namespace replicache::api {
namespace {

constexpr std::int64_t most_mutations_per_page = 1000;
constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

struct Answer {
    int status;
    std::int64_t head;
    std::string body;
};

// The one row of the result.
Datum row_of(FunctionCallInfo fcinfo, const Answer& answer) {
    const Datum body = pg::text_datum(answer.body);
    pg::guarded([&] {
        InitMaterializedSRF(fcinfo, 0);
        const auto* const result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
        Datum values[] = {Int32GetDatum(answer.status), Int64GetDatum(answer.head), body};
        bool nulls[] = {false, false, false};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    });
    return 0;
}

std::int64_t required_number(FunctionCallInfo fcinfo, int n, const char* name, std::int64_t number, std::int64_t least, std::int64_t most) {
    require(fcinfo, n, name);
    if (number < least || number > most)
        throw pg::SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                           std::string(name) + " must be " +
                               (most == unlimited ? "at least " + std::to_string(least)
                                                  : "between " + std::to_string(least) + " and " + std::to_string(most)) +
                               ", got " + std::to_string(number));
    return number;
}

Datum sync_pull(FunctionCallInfo fcinfo) {
    engine::SyncPull pull;
    pull.since = required_number(fcinfo, 0, "mutations_since", PG_GETARG_INT64(0), engine::no_head, unlimited);
    const std::string user = engine::canonical_user(required_text(fcinfo, 1, "user_id"));
    if (!PG_ARGISNULL(2)) pull.resources = pg::text_elements(PG_GETARG_DATUM(2));
    check_encoding();
    if (!PG_ARGISNULL(3) && PG_GETARG_BOOL(3)) {
        const std::int64_t head = engine::sync_head(user);
        return row_of(fcinfo, {200, head, protocol::sync_metadata_answer(head)});
    }
    pull.page = required_number(fcinfo, 4, "page", PG_GETARG_INT32(4), 1, unlimited);
    pull.limit = required_number(fcinfo, 5, "page_limit", PG_GETARG_INT32(5), 1, most_mutations_per_page);
    const SyncPage page = engine::sync_pull(pull, user);
    return row_of(fcinfo, {200, page.head, protocol::sync_pull_answer(page)});
}

Answer answer_of(const engine::SyncPush& push) {
    using Status = engine::SyncPush::Status;
    switch (push.status) {
        case Status::out_of_sync:
            return {409, push.head, push.head == engine::no_head ? protocol::first_sync_answer() : protocol::out_of_sync_answer()};
        case Status::no_such_row: return {422, push.head, protocol::validation_error_answer(protocol::invalid_resource_id(push.failed))};
        case Status::invalid: return {422, push.head, protocol::validation_error_answer(protocol::invalid_data(push.failed, push.message))};
        case Status::applied: break;
    }
    return {200, push.head, protocol::sync_push_answer(push.head, push.mutations)};
}

Datum sync_push(FunctionCallInfo fcinfo) {
    const std::string_view text = required_text(fcinfo, 0, "request");
    const std::int64_t head = required_number(fcinfo, 1, "last_mutation_at", PG_GETARG_INT64(1), engine::no_head, unlimited);
    const std::string user = engine::canonical_user(required_text(fcinfo, 2, "user_id"));
    const protocol::SyncResources resources{
        .exists = [](std::string_view name) { return engine::is_resource(std::string(name)); },
        .has_composite_key = [](std::string_view name) { return engine::has_composite_key(std::string(name)); },
    };
    const auto changes = parse_request([&resources](std::string_view body) { return protocol::parse_sync_push(body, resources); }, text);
    if (const auto* error = std::get_if<protocol::ValidationError>(&changes))
        return row_of(fcinfo, {422, engine::sync_head(user), protocol::validation_error_answer(*error)});
    return row_of(fcinfo, answer_of(engine::sync_push(std::get<std::vector<RowChange>>(changes), head, user)));
}

}  // namespace
}  // namespace replicache::api

extern "C" {

PG_FUNCTION_INFO_V1(replicache_sync_pull);
Datum replicache_sync_pull(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::sync_pull(fcinfo); }); });
}

PG_FUNCTION_INFO_V1(replicache_sync_push);
Datum replicache_sync_push(PG_FUNCTION_ARGS) {
    return replicache::pg::entry(
        [fcinfo] { return replicache::engine::despite_drops([fcinfo] { return replicache::api::sync_push(fcinfo); }); });
}

}  // extern "C"
