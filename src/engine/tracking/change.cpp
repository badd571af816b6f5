#include "engine/tracking/change.h"
#include "engine/table/relation.h"

#include "engine/space/away.h"
#include "engine/table/key.h"
#include "engine/table/row_space.h"
#include "engine/table/tracked_table.h"
#include "engine/tracking/key_log.h"
#include "engine/tracking/row_version.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

// The columns of one table that the triggers need.
struct Columns {
    AttrNumber version;
    RowSpace space;
    std::optional<RowSpace> part;
    Key key;
    std::vector<AttrNumber> nullable;  // key columns that have lost their NOT NULL
    Oid table;                         // the tracked one, of which this may be a partition
    std::vector<AttrNumber> identity;
    bool logs_creations;
};

// A table that is tracked, or part of one that is.
struct Known {
    TrackedTable table;
    std::shared_ptr<const Columns> columns;  // null: not looked up yet
};

// Kept per table and dropped when its relcache entry is, or when the registry changes. Null: not tracked. Shared, because what a trigger
// calls may drop the entry under it.
std::unordered_map<Oid, std::shared_ptr<Known>> known_tables;
std::vector<Oid> stale_tables;
bool all_stale = true;
Oid registry = InvalidOid;

// Takes notes only: what a trigger is using must not go under it. Without memory for one, everything is looked up again.
const pg::RelationListener relation_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || relation == registry || stale_tables.size() == stale_tables.capacity())
        all_stale = true;
    else if (known_tables.contains(relation))
        stale_tables.push_back(relation);
});

constexpr const char* track_again = "Call replicache.track_table again after changing a column that it was given.";

Key::Column find_column(Relation relation, const std::string& name) {
    const AttrNumber number = SPI_fnumber(relation->rd_att, name.c_str());
    if (number <= 0)
        throw SqlError(ERRCODE_UNDEFINED_COLUMN,
                       "column \"" + name + "\" of tracked table \"" + RelationGetRelationName(relation) + "\" does not exist", {},
                       "Call replicache.track_table again after renaming or dropping a column that it was given.");
    return {number, TupleDescAttr(relation->rd_att, number - 1)->atttypid};
}

// Versions are written into the bytes of the row.
AttrNumber find_version_column(Relation relation, const std::string& name) {
    const Key::Column column = find_column(relation, name);
    if (column.type != INT8OID)
        throw SqlError(ERRCODE_DATATYPE_MISMATCH,
                       "column \"" + name + "\" of tracked table \"" + RelationGetRelationName(relation) + "\" is not of type bigint", {},
                       track_again);
    return column.number;
}

Columns find_columns(Relation relation, const TrackedTable& table) {
    const auto find = [relation](const std::string& name) { return find_column(relation, name); };
    const KeyTemplate key = KeyTemplate::parse(table.key);
    Columns columns{.version = find_version_column(relation, table.version),
                    .space = RowSpace(relation, SpaceName::of(table), find),
                    .part = {},
                    .key = Key(key, find),
                    .nullable = {},
                    .table = table.relation,
                    .identity = identifying_columns(relation, key.columns()),
                    .logs_creations = has_trigger(relation->trigdesc, trigger_name::created)};
    if (!table.part.empty()) columns.part.emplace(relation, SpaceName::of_column(table.part), find);
    for (const std::string& name : key.columns()) {
        const AttrNumber number = find(name).number;
        const FormData_pg_attribute& attribute = *TupleDescAttr(relation->rd_att, number - 1);
        if (!attribute.attnotnull && attribute.attgenerated == '\0') columns.nullable.push_back(number);
    }
    return columns;
}

void forget_stale() {
    if (all_stale) {
        known_tables.clear();
        all_stale = false;
        stale_tables.clear();
        stale_tables.reserve(64);
    }
    for (; !stale_tables.empty(); stale_tables.pop_back()) known_tables.erase(stale_tables.back());
}

// The entry of the registry for the trigger's table. It is looked up, so that a trigger created by hand cannot invent changes. Null: the
// registry is empty. Then this is a restore of the data alone, and rows keep their versions.
std::shared_ptr<Known> known_table(const TriggerData& trigger) {
    forget_stale();
    const Oid relation = RelationGetRelid(trigger.tg_relation);
    if (const auto it = known_tables.find(relation); it != known_tables.end()) return it->second;
    registry = pg::own_relation("tracked_table");
    auto table = tracked_table_of(relation);
    if (!table && !tracked_tables().empty())
        throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                       std::string("table \"") + RelationGetRelationName(trigger.tg_relation) +
                           "\" has triggers of replicache_ext, but is not on record as tracked",
                       "Its changes would go unnoticed.", "Call replicache.track_table for it, or drop the triggers.", pg::Defect::certain);
    auto known = table ? std::make_shared<Known>(Known{std::move(*table), nullptr}) : nullptr;
    known_tables[relation] = known;
    return known;
}

std::shared_ptr<const Columns> columns_of(const TriggerData& trigger, Known& known) {
    if (known.columns) return known.columns;
    try {
        known.columns = std::make_shared<const Columns>(find_columns(trigger.tg_relation, known.table));
    } catch (SqlError& error) {
        error.defect = pg::Defect::certain;
        throw;
    }
    return known.columns;
}

// The space of a row of the table; null: it is in none.
Space* space_of(const Columns& columns, HeapTuple tuple, TupleDesc descriptor) {
    const RowSpace::Text text = columns.space.of(tuple, descriptor);
    return text.null != nullptr ? nullptr : &take_space(text.space);
}

RowSpace::Text part_of(const Columns& columns, HeapTuple tuple, TupleDesc descriptor) {
    return columns.part ? columns.part->of(tuple, descriptor) : RowSpace::Text{};
}

std::string_view key_of(const Columns& columns, HeapTuple tuple, TupleDesc descriptor) {
    return columns.key.text([&](AttrNumber column, bool* null) { return heap_getattr(tuple, column, descriptor, null); });
}

// Whether the row comes from another server with a version that its space has given it.
bool keeps_version(const Space& space, HeapTuple row, TupleDesc descriptor, AttrNumber column) {
    if (!space.arriving) return false;
    bool null;
    const std::int64_t version = DatumGetInt64(heap_getattr(row, column, descriptor, &null));
    return !null && version > 0 && version <= space.before;
}

HeapTuple stamp_row(const TriggerData& trigger, Known& known) {
    TupleDesc const descriptor = trigger.tg_relation->rd_att;
    const bool update = TRIGGER_FIRED_BY_UPDATE(trigger.tg_event);
    HeapTuple const row = update ? trigger.tg_newtuple : trigger.tg_trigtuple;
    if (update && guarded([&] { return is_same_row(trigger); })) return row;
    const auto columns = columns_of(trigger, known);
    for (const AttrNumber column : columns->nullable)
        if (heap_attisnull(row, column, descriptor))
            throw SqlError(ERRCODE_NULL_VALUE_NOT_ALLOWED, "column \"" +
                                                               std::string(NameStr(TupleDescAttr(descriptor, column - 1)->attname)) +
                                                               "\" is part of a key and must not be null");
    const RowSpace::Text space = columns->space.of_new(trigger.tg_relation, row);
    if (space.null != nullptr)
        throw SqlError(ERRCODE_NOT_NULL_VIOLATION, "column \"" + *space.null + "\" names the row's space and must not be null");
    Space& taken = take_space(space.space);
    if (!update && keeps_version(taken, row, descriptor, columns->version)) return row;
    const std::int64_t version = stamp(taken);
    return guarded([&, column = columns->version] { return with_version(row, descriptor, column, version); });
}

// A row that an UPDATE has given another key or space counts as one that went and one that came.
void row_came(const TriggerData& trigger, const Columns& columns, const Space& space, HeapTuple row) {
    if (!columns.logs_creations || !space.clock->logs_rows) return;
    TupleDesc const descriptor = trigger.tg_relation->rd_att;
    const std::int64_t version = guarded([&] {
        bool null;
        return DatumGetInt64(heap_getattr(row, columns.version, descriptor, &null));
    });
    log_creation(trigger, space, version, key_of(columns, row, descriptor));
}

void row_gone(const TriggerData& trigger, Known& known) {
    TupleDesc const descriptor = trigger.tg_relation->rd_att;
    const auto columns = columns_of(trigger, known);
    HeapTuple const row = trigger.tg_trigtuple, new_row = TRIGGER_FIRED_BY_UPDATE(trigger.tg_event) ? trigger.tg_newtuple : nullptr;
    // A row from before tracking may have had no space, or no key. Then no client had it.
    Space* space;
    try {
        space = space_of(*columns, row, descriptor);
    } catch (const SpaceAway&) {
        // What a space has left behind when it moved can be deleted, and leaves no tombstone.
        if (new_row == nullptr && moved_by(columns->space.of(row, descriptor).space)) return;
        throw;
    }
    if (space == nullptr) return;
    // A private row leaves no tombstone: clients must not learn keys of rows that they have not seen. Pulls compare keys instead.
    if (known.table.is_private) {
        if (new_row == nullptr || space != space_of(*columns, new_row, descriptor)) stamp(*space);
        return;
    }
    for (const AttrNumber column : columns->nullable)
        if (heap_attisnull(row, column, descriptor)) return;
    const RowSpace::Text part = part_of(*columns, row, descriptor);
    if (part.null != nullptr) return;  // no client had it
    const std::string_view key = key_of(*columns, row, descriptor);
    GoneRow gone{columns->table, row, descriptor, columns->identity};
    if (columns->part) gone.part = part.space;
    if (new_row == nullptr) return bury(&trigger, *space, key, gone);
    Space* const new_space = space_of(*columns, new_row, descriptor);
    if (space == new_space && key == key_of(*columns, new_row, descriptor) && part == part_of(*columns, new_row, descriptor)) return;
    bury(&trigger, *space, key, gone);
    // A trigger behind ours, or an expression that gives another value each time, may have made it null.
    if (new_space != nullptr) row_came(trigger, *columns, *new_space, new_row);
}

void row_came(const TriggerData& trigger, Known& known) {
    TupleDesc const descriptor = trigger.tg_relation->rd_att;
    const auto columns = columns_of(trigger, known);
    const Space* const space = space_of(*columns, trigger.tg_trigtuple, descriptor);
    if (space != nullptr && !keeps_version(*space, trigger.tg_trigtuple, descriptor, columns->version))
        row_came(trigger, *columns, *space, trigger.tg_trigtuple);
}

// Throws unless the trigger is of a kind that track_table creates.
void check_trigger(const TriggerData& trigger) {
    const TriggerEvent event = trigger.tg_event;
    const char kind = trigger.tg_relation->rd_rel->relkind;
    const bool row_to_stamp = !TRIGGER_FIRED_FOR_ROW(event) || !TRIGGER_FIRED_BEFORE(event) || !TRIGGER_FIRED_BY_DELETE(event);
    if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) || !row_to_stamp)
        throw SqlError(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, "on_change cannot be a trigger of this kind", {},
                       "Create triggers by replicache.track_table.");
}

}  // namespace

bool has_trigger(const TriggerDesc* triggers, std::string_view name) {
    return triggers != nullptr && std::any_of(
                                      triggers->triggers, triggers->triggers + triggers->numtriggers,
                                      [name](const Trigger& trigger) { return name == trigger.tgname; });
}

HeapTuple on_change(const TriggerData& trigger) {
    check_trigger(trigger);
    const TriggerEvent event = trigger.tg_event;
    const auto known = known_table(trigger);
    if (TRIGGER_FIRED_FOR_ROW(event) && TRIGGER_FIRED_BEFORE(event)) {
        if (known) return stamp_row(trigger, *known);
        return TRIGGER_FIRED_BY_UPDATE(event) ? trigger.tg_newtuple : trigger.tg_trigtuple;
    }
    if (!known) return nullptr;
    if (TRIGGER_FIRED_FOR_ROW(event))
        TRIGGER_FIRED_BY_INSERT(event) ? row_came(trigger, *known) : row_gone(trigger, *known);
    else if (TRIGGER_FIRED_BY_TRUNCATE(event))
        raise_floors(!known->table.space.empty());
    else if (known->table.space.empty())
        take_space("");
    return nullptr;
}

void raise_floors(bool has_space_column) {
    if (!has_space_column) {
        raise_floor(take_space(""));
        return;
    }
    static pg::OwnStatement known("SELECT id FROM replicache.space ORDER BY id", {});
    std::vector<std::string> spaces;
    {
        const pg::SpiConnection spi;
        const pg::Rows rows = known.run({});
        for (std::uint64_t i = 0; i < rows.count(); ++i) spaces.push_back(pg::required(rows.text(i, 1)));
    }
    for (const std::string& space : spaces) {
        pg::check_interrupts();
        raise_floor(take_space(space));
    }
}

}  // namespace replicache::engine
