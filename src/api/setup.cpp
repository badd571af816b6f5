// The functions for set-up and operation: tracking, mutators, spaces, upkeep.
#include "api/arguments.h"
#include "engine/mutators/mutator_registry.h"
#include "engine/rows/expose.h"
#include "engine/rows/why_one_by_one.h"
#include "engine/space/new_space.h"
#include "engine/space/space.h"
#include "engine/table/canonical_space.h"
#include "engine/table/mutator_queue.h"
#include "engine/tracking/track.h"
#include "engine/upkeep/epoch.h"
#include "engine/upkeep/garbage.h"
#include "engine/upkeep/status.h"
#include "pg/array.h"
#include "pg/settings.h"

extern "C" {
#include "utils/numeric.h"
#include "utils/tuplestore.h"
}

namespace replicache::api {
namespace {

using pg::SqlError;

void track_table(FunctionCallInfo fcinfo) {
    engine::TrackedTable table{.relation = required_oid(fcinfo, 0, "relation"),
                               .key = optional_text(fcinfo, 1).value_or(""),
                               .value = optional_text(fcinfo, 2).value_or(""),
                               .space = name_or_empty(fcinfo, 3),
                               .deleted = name_or_empty(fcinfo, 4),
                               .version = name_or_empty(fcinfo, 5)};
    if (!PG_ARGISNULL(5) && table.version.empty()) throw SqlError(ERRCODE_NULL_VALUE_NOT_ALLOWED, "version must not be empty");
    if (PG_NARGS() > 6 && !PG_ARGISNULL(6)) {  // before ALTER EXTENSION … UPDATE from 0.2.0 there are six
        table.columns = pg::text_elements(PG_GETARG_DATUM(6));
        if (table.columns.empty()) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "columns must not be empty");
    }
    if (PG_NARGS() > 7) {  // before ALTER EXTENSION … UPDATE from 0.3.1 there are seven
        table.is_private = !PG_ARGISNULL(7) && PG_GETARG_BOOL(7);
        table.filter = optional_text(fcinfo, 8).value_or("");
        table.part = name_or_empty(fcinfo, 9);
        table.parts = optional_text(fcinfo, 10).value_or("");
        table.is_private |= !table.filter.empty();
    }
    engine::track_table(std::move(table));
}

void expose_crud(FunctionCallInfo fcinfo) {
    require(fcinfo, 1, "operations");
    engine::ExposedTable table{.relation = required_oid(fcinfo, 0, "relation"),
                               .name = optional_text(fcinfo, 2).value_or(""),
                               .conflict = std::string(required_text(fcinfo, 4, "conflict")),
                               .conflict_column = name_or_empty(fcinfo, 5),
                               .replace = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6)};
    const pg::Value columns = PG_ARGISNULL(3) ? pg::Value{} : pg::value(PG_GETARG_DATUM(3));
    engine::expose_table(std::move(table), pg::text_elements(PG_GETARG_DATUM(1)), columns);
}

// "counter", "time" and "transaction"
std::string clock_list() {
    std::vector<std::string> names;
    for (const engine::Clock* const clock : engine::clocks()) names.push_back("\"" + std::string(clock->name) + "\"");
    std::sort(names.begin(), names.end());
    std::string list;
    for (std::size_t i = 0; i < names.size(); ++i) list += (i == 0 ? "" : i + 1 < names.size() ? ", " : " and ") + names[i];
    return list;
}

void create_space(FunctionCallInfo fcinfo) {
    const std::string id(required_text(fcinfo, 0, "id"));
    const std::string clock(required_text(fcinfo, 1, "clock"));
    const engine::Clock* const known = engine::find_clock(clock);
    if (known == nullptr)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "unknown clock \"" + clock + "\"", {}, "Clocks are " + clock_list() + ".");
    engine::check_space_id(id);
    engine::create_space(engine::canonical_space(id), *known);
}

Datum collect_garbage(FunctionCallInfo fcinfo) {
    require(fcinfo, 0, "idle");
    // Before ALTER EXTENSION … UPDATE from 0.5.0, there are one or two arguments.
    const bool views = PG_NARGS() > 1 && !PG_ARGISNULL(1);
    if (PG_NARGS() > 2) require(fcinfo, 2, "dry_run");
    const bool dry_run = PG_NARGS() > 2 && PG_GETARG_BOOL(2);
    const engine::Garbage garbage =
        engine::collect_garbage(pg::value(PG_GETARG_DATUM(0)), views ? pg::value(PG_GETARG_DATUM(1)) : pg::Value{}, dry_run);
    return pg::text_datum("{\"clients\":" + std::to_string(garbage.clients) + ",\"clientGroups\":" + std::to_string(garbage.client_groups) +
                          ",\"tombstones\":" + std::to_string(garbage.tombstones) + ",\"errors\":" + std::to_string(garbage.errors) + "}");
}

void why_one_by_one(FunctionCallInfo fcinfo) {
    const std::vector<engine::WhyOneByOne> operations = engine::why_one_by_one(required_oid(fcinfo, 0, "relation"));
    pg::guarded([fcinfo] { InitMaterializedSRF(fcinfo, 0); });
    for (const auto& [operation, reason] : operations) {
        pg::guarded([result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), operation = operation, &reason = reason] {
            Datum values[] = {pg::unguarded_text_datum(operation), pg::unguarded_text_datum(reason)};
            bool nulls[] = {false, reason.empty()};
            tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
        });
    }
}

void status(FunctionCallInfo fcinfo) {
    const std::vector<engine::Topic> topics = engine::status();
    pg::guarded([fcinfo] { InitMaterializedSRF(fcinfo, 0); });
    for (const engine::Topic& topic : topics) {
        pg::guarded([result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), &topic] {
            Datum values[] = {pg::unguarded_text_datum(topic.name), topic.value ? NumericGetDatum(int64_to_numeric(*topic.value)) : 0,
                              pg::unguarded_text_datum(topic.details)};
            bool nulls[] = {false, !topic.value, topic.details.empty()};
            tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
        });
    }
}

}  // namespace
}  // namespace replicache::api

namespace api = replicache::api;
namespace engine = replicache::engine;
namespace pg = replicache::pg;

extern "C" {

PG_FUNCTION_INFO_V1(replicache_track_table);
Datum replicache_track_table(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::track_table(fcinfo);
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_untrack_table);
Datum replicache_untrack_table(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::untrack_table(api::required_oid(fcinfo, 0, "relation"));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_retrack);
Datum replicache_retrack(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::retrack(api::required_oid(fcinfo, 0, "relation"));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_resync);
Datum replicache_resync(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        // Before ALTER EXTENSION … UPDATE from 0.5.0, there is one argument.
        engine::resync(api::required_oid(fcinfo, 0, "relation"), PG_NARGS() > 1 ? api::optional_text(fcinfo, 1) : std::nullopt);
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_register_mutator);
Datum replicache_register_mutator(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        const std::string name(api::required_text(fcinfo, 0, "name"));
        engine::register_mutator(name, api::required_oid(fcinfo, 1, "function"));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_unregister_mutator);
Datum replicache_unregister_mutator(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::unregister_mutator(std::string(api::required_text(fcinfo, 0, "name")));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_register_mutator_queue);
Datum replicache_register_mutator_queue(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::register_mutator_queue(std::string(api::required_text(fcinfo, 0, "name")));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_unregister_mutator_queue);
Datum replicache_unregister_mutator_queue(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::unregister_mutator_queue(std::string(api::required_text(fcinfo, 0, "name")));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_expose_crud);
Datum replicache_expose_crud(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::expose_crud(fcinfo);
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_hide_crud);
Datum replicache_hide_crud(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::hide_table(api::required_oid(fcinfo, 0, "relation"));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_why_one_by_one);
Datum replicache_why_one_by_one(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::why_one_by_one(fcinfo);
        return Datum{0};
    });
}

PG_FUNCTION_INFO_V1(replicache_create_space);
Datum replicache_create_space(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::create_space(fcinfo);
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_new_epoch);
Datum replicache_new_epoch(PG_FUNCTION_ARGS) {
    (void)fcinfo;
    return pg::entry([] {
        engine::new_epoch();
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_collect_garbage);
Datum replicache_collect_garbage(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] { return api::collect_garbage(fcinfo); });
}

PG_FUNCTION_INFO_V1(replicache_status);
Datum replicache_status(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::status(fcinfo);
        return Datum{0};
    });
}

}  // extern "C"
