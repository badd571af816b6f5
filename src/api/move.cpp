// SQL functions that move a space to another server.
#include "api/arguments.h"
#include "engine/move/copied_tables.h"
#include "engine/move/hold.h"
#include "engine/move/space_export.h"
#include "engine/table/canonical_space.h"
#include "pg/spi.h"

extern "C" {
#include "funcapi.h"
#include "utils/tuplestore.h"
}

namespace replicache::api {
namespace {

void space_tables(FunctionCallInfo fcinfo) {
    const std::string space = engine::canonical_space(required_text(fcinfo, 0, "space"));
    const pg::SpiConnection spi;
    const engine::CopiedTables tables = engine::copied_tables(space);
    pg::guarded([fcinfo] { InitMaterializedSRF(fcinfo, 0); });
    for (std::size_t i = 0; i < tables.names.size(); ++i) {
        pg::guarded([result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), &tables, i] {
            Datum values[] = {pg::unguarded_text_datum(tables.names[i]), pg::unguarded_text_datum(tables.copies_out[i]),
                              pg::unguarded_text_datum(tables.copies_in[i]), pg::unguarded_text_datum(tables.removals[i])};
            bool nulls[] = {false, false, false, false};
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

PG_FUNCTION_INFO_V1(replicache_hold_space);
Datum replicache_hold_space(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] { return pg::text_datum(engine::hold_space(std::string(api::required_text(fcinfo, 0, "space")))); });
}

PG_FUNCTION_INFO_V1(replicache_release_space);
Datum replicache_release_space(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::release_space(std::string(api::required_text(fcinfo, 0, "space")));
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(replicache_export_space);
Datum replicache_export_space(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        const std::string space(api::required_text(fcinfo, 0, "space"));
        api::require(fcinfo, 1, "users");
        return engine::export_space(space, pg::value(PG_GETARG_DATUM(1))).datum;
    });
}

PG_FUNCTION_INFO_V1(replicache_space_tables);
Datum replicache_space_tables(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::space_tables(fcinfo);
        return Datum{0};
    });
}

PG_FUNCTION_INFO_V1(replicache_import_space);
Datum replicache_import_space(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        api::require(fcinfo, 0, "exported");
        return BoolGetDatum(engine::import_space(pg::value(PG_GETARG_DATUM(0))));
    });
}

PG_FUNCTION_INFO_V1(replicache_close_space);
Datum replicache_close_space(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        engine::close_space(std::string(api::required_text(fcinfo, 0, "space")), std::string(api::required_text(fcinfo, 1, "move")));
        PG_RETURN_VOID();
    });
}

}  // extern "C"
