#include "engine/space/space.h"

#include "engine/space/poke.h"
#include "engine/space/snapshot.h"
#include "pg/own_table.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;
using Access = pg::Table::Access;
using pg::clock_time;
using pg::clock_transaction;

struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
};

// The spaces that this transaction has taken, now or in a subtransaction that was rolled back. Entries stay where they are:
// callers keep references.
std::unordered_map<std::string, Space, TextHash, std::equal_to<>> spaces;

// What is to be undone when the subtransaction that has done it rolls back: the lock and the version in the row are gone then, and
// so must be our memory of them.
struct Step {
    enum class Kind { take, change, write_row } kind;
    Space* space;
    SubTransactionId by;
};
std::vector<Step> steps;  // in the order in which they were made

void step(Step::Kind kind, Space& space) { steps.push_back({kind, &space, GetCurrentSubTransactionId()}); }

void take(Space& space) {
    step(Step::Kind::take, space);
    space.taken = true;
}

void change(Space& space) {
    if (space.changed) return;
    step(Step::Kind::change, space);
    space.changed = true;
}

void undo(const Step& step) {
    switch (step.kind) {
        case Step::Kind::take: step.space->taken = false; break;
        case Step::Kind::change: step.space->changed = false; break;
        case Step::Kind::write_row: step.space->row = nullptr; break;
    }
}

void write_heads();

// PreCommit_Notify comes after these callbacks, and so pokes still go out; deferred triggers have been fired.
extern "C" void at_transaction_end(XactEvent event, void*) {
    switch (event) {
        case XACT_EVENT_PRE_COMMIT:
        case XACT_EVENT_PRE_PREPARE: pg::entry([] { write_heads(); }); break;
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            steps.clear();
            spaces.clear();
            break;
        default: break;
    }
}

// All that began after a subtransaction did, and has a higher id, was part of it. So one that commits leaves nothing to do: its
// steps are undone with those of its parent.
extern "C" void at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId, void*) {
    if (event != SUBXACT_EVENT_ABORT_SUB) return;
    for (; !steps.empty() && steps.back().by >= mine; steps.pop_back()) undo(steps.back());
}

void write_row(Space& space, std::initializer_list<pg::Table::Change> changes) {
    pg::Table table("space", Access::write);
    if (space.row == nullptr) {
        table.lock(space.id);
        space.row = table.copy_row(TopTransactionContext);
    }
    if (const SubTransactionId me = GetCurrentSubTransactionId(); space.row_written_in != me) {
        step(Step::Kind::write_row, space);
        space.row_written_in = me;
    }
    space.row = table.update(space.row, changes, TopTransactionContext);
}

// DROP EXTENSION may have come in between.
bool exists(Oid relation) {
    return pg::guarded([relation] { return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)); });
}

// Clock `time`: one write of the row for all versions of the transaction.
void write_heads() {
    for (auto& [id, space] : spaces) {
        if (space.clock != clock_time || !space.changed || !exists(space.table)) continue;
        pg::guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
        write_row(space, {{space_column::version, Int64GetDatum(space.version)}});
        pg::guarded([] { PopActiveSnapshot(); });
        poke(space.id, space.version);
    }
}

std::int64_t milliseconds() {
    constexpr std::int64_t since_1970 = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * static_cast<std::int64_t>(SECS_PER_DAY) * 1000;
    return GetCurrentTimestamp() / 1000 + since_1970;
}

// Never beyond what a client can read. Only a column or table that somebody has altered behind our back gets there.
std::int64_t next_version(std::int64_t version) {
    if (version < (std::int64_t{1} << 53) - 1) return version + 1;
    throw SqlError(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                   "a space has reached the version " + std::to_string(version) + ", and there is none above it", {},
                   pg::not_to_be_altered);
}

bool creating = false;  // a row of replicache.space that is inserted is ours

// Whether the row was created; false when it exists.
bool insert_space(std::string_view id, pg::Clock clock) {
    // Epochs are for versions to begin anew above those of a lost history. Those that count milliseconds do that by themselves,
    // but a cookie from then is good for nothing.
    static OwnStatement insert_time(
        "INSERT INTO replicache.space (id, clock, version, floor) SELECT $1, $2, -1, "
        "COALESCE(pg_catalog.ceil(pg_catalog.date_part('epoch', pg_catalog.max(at)) OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8, 0) "
        "FROM replicache.epoch ON CONFLICT DO NOTHING",
        {TEXTOID, TEXTOID});
    static OwnStatement insert(
        "INSERT INTO replicache.space (id, clock, version, floor) SELECT $1, $2, e.start, e.start FROM "
        "(SELECT CASE WHEN $3 THEN COALESCE(pg_catalog.max(number), 0) OPERATOR(pg_catalog.<<) $4 ELSE 0 END AS start "
        "FROM replicache.epoch) e ON CONFLICT DO NOTHING",
        {TEXTOID, TEXTOID, BOOLOID, INT4OID});
    const pg::Value name = value(std::string_view(pg::clock_name(clock)));
    const std::unique_ptr<bool, void (*)(bool*)> done(&(creating = true, creating), [](bool* flag) { *flag = false; });
    if (clock == clock_time) return insert_time.run({value(id), name}).count() > 0;
    return insert.run({value(id), name, value(BoolGetDatum(clock != clock_transaction)), value(Int32GetDatum(epoch_bits))}).count() > 0;
}

}  // namespace

pg::Clock clock_of(pg::Table& space) {
    const std::string name = space.text(space_column::clock).value_or("");
    if (const auto clock = pg::clock_by_name(name)) return *clock;
    throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "a space has the unknown clock \"" + name + "\"", {}, pg::not_to_be_altered);
}

void check_space_id(std::string_view id) {
    if (id.size() > max_space_bytes)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "space is longer than " + std::to_string(max_space_bytes) + " bytes");
}

Space& take_space(std::string_view id, std::optional<pg::Clock> clock) {
    const auto known = spaces.find(id);
    if (known != spaces.end() && known->second.taken) return known->second;
    check_space_id(id);

    static const std::string_view lock_free = pg::clock_name(clock_transaction);
    pg::Table table("space", Access::write);
    if (!table.lock_unless(id, space_column::clock, lock_free)) {
        {
            const SpiConnection spi;
            insert_space(id, clock.value_or(static_cast<pg::Clock>(pg::settings.default_clock)));
        }
        // Another transaction created it after the snapshot of this one, which is REPEATABLE READ or above.
        if (!table.lock_unless(id, space_column::clock, lock_free))
            throw SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    }
    Space space{.id = std::string(id), .clock = clock_of(table), .before = 0, .version = 0, .row = nullptr};
    if (space.clock != clock_transaction) {
        space.before = table.int8(space_column::version);
        space.version = space.clock == clock_time ? std::max(space.before, table.int8(space_column::floor)) : next_version(space.before);
        space.row = table.copy_row(TopTransactionContext);
        space.table = space.row->t_tableOid;
    }
    // Taken before, by a subtransaction that was rolled back: what it has given is not given again.
    if (space.clock == clock_time && known != spaces.end()) space.version = std::max(space.version, known->second.version);
    Space& entry = spaces[space.id] = space;
    take(entry);
    return entry;
}

const Space* own_changes(std::string_view id) {
    const auto known = spaces.find(id);
    return known != spaces.end() && known->second.changed ? &known->second : nullptr;
}

bool versions_tell_order() {
    return std::any_of(
        spaces.begin(), spaces.end(), [](const auto& known) { return known.second.clock == clock_time && known.second.changed; });
}

void ensure_space(const std::string& id, pg::Clock clock) {
    check_space_id(id);
    const SpiConnection spi;
    insert_space(id, clock);
}

void create_space(const std::string& id, pg::Clock clock) {
    check_space_id(id);
    const SpiConnection spi;
    if (!insert_space(id, clock)) throw SqlError(ERRCODE_DUPLICATE_OBJECT, "space \"" + id + "\" exists already");
}

HeapTuple on_restore(const TriggerData& trigger) {
    HeapTuple const row = trigger.tg_trigtuple;
    TupleDesc const descriptor = trigger.tg_relation->rd_att;
    if (creating || trigger.tg_trigger->tgnargs != 0 || RelationGetRelid(trigger.tg_relation) != pg::own_relation("space")) return row;
    static OwnStatement merge(
        "UPDATE replicache.space SET clock = $2, version = GREATEST(version, $3), floor = GREATEST(floor, $4), collected = "
        "GREATEST(collected, $5), "
        "collector = GREATEST(collector, $6) WHERE id OPERATOR(pg_catalog.=) $1 RETURNING version",
        {TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID});
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
    // What this transaction has stamped itself, while the data was loaded.
    if (const auto known = spaces.find(std::string(pg::view_of_text(id.datum))); known != spaces.end()) {
        Space& space = known->second;
        space.row = nullptr;
        space.before = merged.int8(0, 1);
        if (space.clock != clock_transaction) skip_to(space, space.before);
    }
    return nullptr;
}

// An id makes the transaction a writer, so it gets one at its first change only.
std::int64_t version_of(Space& space) {
    if (space.version == 0 && space.clock == clock_transaction) space.version = own_transaction();
    return space.version;
}

std::int64_t stamp(Space& space) {
    if (space.clock == clock_time) {
        space.version = std::max(milliseconds(), next_version(space.version));
        ++space.stamps;
        space.stamped_by = GetCurrentCommandId(true);  // used, so that the next statement has a later one
        change(space);
        return space.version;
    }
    if (!space.deferred) write_version(space);
    return version_of(space);
}

void write_version(Space& space) {
    if (space.changed) return;
    if (space.clock == clock_time) {
        stamp(space);
        return;
    }
    const std::int64_t version = version_of(space);
    if (space.clock != clock_transaction) write_row(space, {{space_column::version, Int64GetDatum(version)}});
    change(space);
    poke(space.id, space.version);
}

void raise_floor(Space& space) {
    // Who writes the floor last has also committed last: whoever has seen that floor has seen the ones before.
    if (space.clock == clock_time) {
        const Datum version = Int64GetDatum(stamp(space));
        return write_row(space, {{space_column::version, version}, {space_column::floor, version}});
    }
    const std::int64_t version = version_of(space);
    if (space.clock == clock_transaction)
        write_row(space, {{space_column::floor, Int64GetDatum(version)}});
    else
        write_row(space, {{space_column::version, Int64GetDatum(version)}, {space_column::floor, Int64GetDatum(version)}});
    change(space);
    poke(space.id, space.version);
}

// No change of the space, so it gets no version.
void note_collected(Space& space, std::int64_t version) {
    {
        pg::Table table("space", Access::write);
        table.lock(space.id);
        version = std::max(version, table.int8(space_column::collected));
    }
    if (space.clock == clock_transaction)
        write_row(space, {{space_column::collected, Int64GetDatum(version)}, {space_column::collector, Int64GetDatum(own_transaction())}});
    else
        write_row(space, {{space_column::collected, Int64GetDatum(version)}});
}

void skip_to(Space& space, std::int64_t version) {
    if (space.clock == clock_transaction || version < space.version) return;
    if (space.clock == clock_time) {
        space.version = version;
        return;
    }
    space.version = next_version(version);
    space.changed = false;
}

void register_space_callbacks() {
    pg::guarded([] {
        RegisterXactCallback(at_transaction_end, nullptr);
        RegisterSubXactCallback(at_subtransaction_end, nullptr);
    });
}

}  // namespace replicache::engine
