// The module itself, and the functions that PostgreSQL calls as triggers.
#include "engine/space/new_space.h"
#include "engine/space/taken_spaces.h"
#include "engine/table/row_watch.h"
#include "engine/table/tracked_table.h"
#include "engine/tracking/change.h"
#include "engine/tracking/ddl.h"
#include "engine/tracking/key_log.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"
#include "pg/settings.h"
#include "protocol/request.h"

extern "C" {
#include "commands/event_trigger.h"
}

namespace engine = replicache::engine;
namespace pg = replicache::pg;
namespace protocol = replicache::protocol;

namespace {

const TriggerData& trigger_data(FunctionCallInfo fcinfo, const char* function) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        throw pg::SqlError(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, std::string(function) + " must be called as a trigger");
    return *reinterpret_cast<TriggerData*>(fcinfo->context);
}

const EventTriggerData& event_data(FunctionCallInfo fcinfo, const char* function) {
    if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
        throw pg::SqlError(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED, std::string(function) + " must be called as an event trigger");
    return *reinterpret_cast<EventTriggerData*>(fcinfo->context);
}

}  // namespace

extern "C" {

PG_MODULE_MAGIC;

void _PG_init() {
    pg::entry([] {
        const config_enum_entry* const clocks = engine::clock_names();
        pg::guarded([clocks] { pg::define_settings(clocks); });
        protocol::before_element = pg::check_interrupts;
        engine::register_space_callbacks();
        engine::register_row_watch();
        engine::register_key_log();
        pg::listen_to_invalidation();
    });
}

PG_FUNCTION_INFO_V1(replicache_on_change);
Datum replicache_on_change(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] { return PointerGetDatum(engine::on_change(trigger_data(fcinfo, "on_change"))); });
}

PG_FUNCTION_INFO_V1(replicache_on_restore);
Datum replicache_on_restore(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] { return PointerGetDatum(engine::on_restore(trigger_data(fcinfo, "on_restore"))); });
}

// Tells every backend that a registry has changed: the caches listen to the relation.
PG_FUNCTION_INFO_V1(replicache_on_registry_change);
Datum replicache_on_registry_change(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        const TriggerData& trigger = trigger_data(fcinfo, "on_registry_change");
        pg::guarded([&trigger] { CacheInvalidateRelcache(trigger.tg_relation); });
        if (TRIGGER_FIRED_BY_INSERT(trigger.tg_event) && RelationGetRelid(trigger.tg_relation) == pg::own_relation("tracked_table"))
            engine::note_restored();
        return Datum{0};
    });
}

PG_FUNCTION_INFO_V1(replicache_on_drop);
Datum replicache_on_drop(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        event_data(fcinfo, "on_drop");
        engine::on_drop();
        return Datum{0};
    });
}

PG_FUNCTION_INFO_V1(replicache_on_alter);
Datum replicache_on_alter(PG_FUNCTION_ARGS) {
    return pg::entry([fcinfo] {
        const EventTriggerData& event = event_data(fcinfo, "on_alter");
        std::string_view(event.event) == "ddl_command_start" ? engine::before_alter(event.parsetree) : engine::on_alter(event.parsetree);
        return Datum{0};
    });
}

}  // extern "C"
