#include "engine/space/new_space.h"

#include "engine/space/away.h"
#include "engine/space/space.h"
#include "engine/space/taken_spaces.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::SpiConnection;

bool creating = false;  // we insert a row of replicache.space, not a dump

// Whether the row was created; false when it exists.
bool insert_space(std::string_view id, const Clock& clock) {
    check_space_id(id);
    check_is_here(id, As::committed);
    const SpiConnection spi;
    const std::unique_ptr<bool, void (*)(bool*)> done(&(creating = true, creating), [](bool* flag) { *flag = false; });
    return clock.insert(pg::value(id));
}

}  // namespace

void ensure_space(std::string_view id, const Clock& clock) { insert_space(id, clock); }

void create_space(const std::string& id, const Clock& clock) {
    if (!insert_space(id, clock)) throw pg::SqlError(ERRCODE_DUPLICATE_OBJECT, "space \"" + id + "\" exists already");
}

HeapTuple on_restore(const TriggerData& trigger) {
    HeapTuple const row = trigger.tg_trigtuple;
    TupleDesc const descriptor = trigger.tg_relation->rd_att;
    if (creating || trigger.tg_trigger->tgnargs != 0 || RelationGetRelid(trigger.tg_relation) != pg::own_relation("space")) return row;
    static constexpr auto sql = R"(
        UPDATE replicache.space
        SET clock = $2, version = GREATEST(version, $3), floor = GREATEST(floor, $4), collected = GREATEST(collected, $5),
            collector = GREATEST(collector, $6)
        WHERE id OPERATOR(pg_catalog.=) $1
        RETURNING version)";
    static OwnStatement merge(sql, {TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID});
    const auto restored = [&](int column) {
        pg::Value result;
        result.datum = heap_getattr(row, column, descriptor, &result.null);
        return result;
    };
    const SpiConnection spi;
    const pg::Value id = restored(space_column::id);
    const pg::Rows merged = merge.run({id, restored(space_column::clock), restored(space_column::version), restored(space_column::floor),
                                       restored(space_column::collected), restored(space_column::collector)});
    if (merged.empty()) return row;
    static OwnStatement hold("UPDATE replicache.space SET held = $2 WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID, TEXTOID});
    if (descriptor->natts >= space_column::held)  // it is missing before ALTER EXTENSION … UPDATE from 0.5.0
        if (const pg::Value move = restored(space_column::held); !move.null) hold.run({id, move});
    // This transaction may have taken the space already, for rows that were loaded before.
    auto& taken = taken_spaces();
    if (const auto known = taken.find(pg::view_of_text(id.datum)); known != taken.end()) {
        Space& space = known->second;
        space.row = nullptr;
        space.before = merged.int8(0, 1);
        skip_to(space, space.before);
    }
    return nullptr;
}

}  // namespace replicache::engine
