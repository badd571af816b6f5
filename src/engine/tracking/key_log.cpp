#include "engine/tracking/key_log.h"

#include "pg/compat.h"
#include "pg/json/json_text.h"
#include "pg/row_batch.h"

extern "C" {
#include "catalog/pg_trigger.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::RowBatch;
using pg::Value;
using pg::value;

enum class Log { tombstone, creation };
constexpr const char* log_names[] = {"tombstone", "creation"};

// A statement whose AFTER triggers fire now, within ExecutorFinish. What they log waits until the last of them has fired.
struct Statement {
    const EState* state;
    Statement* outer;
    std::optional<bool> only_ours;
    RowBatch* waiting[std::size(log_names)];
};
Statement* statement = nullptr;  // the innermost
ExecutorFinish_hook_type next_finish;

// A trigger that runs no code but ours and that of data types. The others could read what waits.
bool is_ours(const Trigger& trigger, Oid on_change) {
    if (!TRIGGER_FOR_AFTER(trigger.tgtype)) return true;
    switch (trigger.tgfoid) {
        case F_RI_FKEY_CHECK_INS:
        case F_RI_FKEY_CHECK_UPD:
        case F_RI_FKEY_NOACTION_DEL:
        case F_RI_FKEY_NOACTION_UPD:
        case F_RI_FKEY_RESTRICT_DEL:
        case F_RI_FKEY_RESTRICT_UPD: return true;
        default: return trigger.tgfoid == on_change;
    }
}

bool fires_only_ours(const EState& state, Oid on_change) {
    for (const List* const tables :
         {state.es_opened_result_relations, state.es_tuple_routing_result_relations, state.es_trig_target_relations})
        for (int i = 0; i < list_length(tables); ++i) {
            const TriggerDesc* const triggers = static_cast<const ResultRelInfo*>(list_nth(tables, i))->ri_TrigDesc;
            if (triggers != nullptr && !std::all_of(triggers->triggers, triggers->triggers + triggers->numtriggers,
                                                    [on_change](const Trigger& t) { return is_ours(t, on_change); }))
                return false;
        }
    return true;
}

// The statement that has queued this trigger, if what it logs may wait. Null otherwise. A statement of the executor has made the slot of
// the row. Other code that fires triggers, such as COPY and logical replication, makes slots of its own.
Statement* waiting_statement(const TriggerData& trigger) {
    if (statement == nullptr || trigger.tg_trigslot->tts_mcxt != statement->state->es_query_cxt) return nullptr;
    if (!statement->only_ours) statement->only_ours = fires_only_ours(*statement->state, trigger.tg_trigger->tgfoid);
    return *statement->only_ours ? statement : nullptr;
}

// Raises PostgreSQL errors.
void add(const TriggerData* trigger, Log log, std::initializer_list<Value> values) {
    const char* const name = log_names[static_cast<int>(log)];
    Statement* const home = trigger == nullptr ? nullptr : waiting_statement(*trigger);
    if (home == nullptr) {
        RowBatch batch(name, CurrentMemoryContext);
        batch.add(values);
        return batch.write();
    }
    MemoryContext const context = home->state->es_query_cxt;
    RowBatch*& batch = home->waiting[static_cast<int>(log)];
    if (batch == nullptr) batch = new (MemoryContextAlloc(context, sizeof(RowBatch))) RowBatch(name, context);
    batch->add(values);
}

extern "C" void at_finish(QueryDesc* query) {
    const auto finish = [query] { next_finish != nullptr ? next_finish(query) : standard_ExecutorFinish(query); };
    if (query->estate->es_opened_result_relations == NIL) return finish();
    Statement mine{.state = query->estate, .outer = statement, .only_ours = {}, .waiting = {}};
    statement = &mine;
    PG_TRY();
    {
        finish();
        for (RowBatch* const batch : mine.waiting)
            if (batch != nullptr) batch->write();
    }
    PG_FINALLY();
    { statement = mine.outer; }
    PG_END_TRY();
}

Datum identity_json(const GoneRow& gone) {
    return guarded([&gone] {
        StringInfoData json;
        initStringInfo(&json);
        for (const AttrNumber column : gone.identity) {
            const FormData_pg_attribute& attribute = *TupleDescAttr(gone.descriptor, column - 1);
            bool null;
            const Datum datum = heap_getattr(gone.row, column, gone.descriptor, &null);
            appendStringInfoChar(&json, json.len == 0 ? '{' : ',');
            pg::append_json_string(&json, NameStr(attribute.attname));
            appendStringInfoChar(&json, ':');
            pg::JsonWriter writer;
            writer.prepare(attribute.atttypid, CurrentMemoryContext);
            writer.append(&json, datum, null);
        }
        appendStringInfoChar(&json, '}');
        return pg::unguarded_text_datum({json.data, static_cast<std::size_t>(json.len)});
    });
}

}  // namespace

void register_key_log() { next_finish = std::exchange(ExecutorFinish_hook, at_finish); }

void bury(const TriggerData* trigger, Space& space, std::string_view key, const GoneRow& gone) {
    const std::int64_t version = stamp(space);
    const bool tells = space.clock->logs_rows;
    const Value table = tells ? value(ObjectIdGetDatum(gone.table)) : Value{}, identity = tells ? value(identity_json(gone)) : Value{};
    guarded([&] {
        using pg::unguarded_text_datum;
        add(trigger, Log::tombstone,
            {value(unguarded_text_datum(space.id)), value(version), value(unguarded_text_datum(key)), table, identity,
             value(TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())),
             gone.part ? value(unguarded_text_datum(*gone.part)) : Value{}});
    });
}

void log_creation(const TriggerData& trigger, const Space& space, std::int64_t version, std::string_view key) {
    guarded([&] {
        using pg::unguarded_text_datum;
        add(&trigger, Log::creation, {value(unguarded_text_datum(space.id)), value(version), value(unguarded_text_datum(key))});
    });
}

}  // namespace replicache::engine
