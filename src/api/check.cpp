// What is wrong with a set-up.
#include "engine/upkeep/check.h"
#include "api/arguments.h"

extern "C" {
#include "utils/tuplestore.h"
}

namespace api = replicache::api;
namespace engine = replicache::engine;
namespace pg = replicache::pg;

namespace {

constexpr const char* severities[] = {"error", "warning", "note"};

void put(FunctionCallInfo fcinfo, const engine::Finding& finding) {
    pg::guarded([result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), &finding] {
        Datum values[] = {pg::unguarded_text_datum(severities[static_cast<int>(finding.severity)]),
                          pg::unguarded_text_datum(finding.object), pg::unguarded_text_datum(finding.finding),
                          pg::unguarded_text_datum(finding.hint), pg::unguarded_text_datum(finding.code)};
        bool nulls[] = {false, false, false, false, false};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    });
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(replicache_check);
Datum replicache_check(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        const std::vector<engine::Finding> findings = engine::check(PG_ARGISNULL(0) ? std::nullopt : std::optional<Oid>(PG_GETARG_OID(0)));
        pg::guarded([fcinfo] { InitMaterializedSRF(fcinfo, 0); });
        for (const engine::Finding& finding : findings) put(fcinfo, finding);
        return Datum{0};
    });
}

}  // extern "C"
