// The clock `time`: every change gets a version of its own, in milliseconds since 1970.
//
// The row of the space learns the last one when the transaction commits. To write it with each change would cost more and more. The poke,
// too, comes with the commit.
#include "engine/poke/poke.h"
#include "engine/space/clock_number.h"
#include "engine/space/space.h"
#include "engine/space/taken_spaces.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

std::int64_t milliseconds() {
    constexpr std::int64_t since_1970 = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * static_cast<std::int64_t>(SECS_PER_DAY) * 1000;
    return GetCurrentTimestamp() / 1000 + since_1970;
}

// DROP EXTENSION may have come in between.
bool exists(Oid relation) {
    return pg::guarded([relation] { return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)); });
}

// Tombstones of exposed tables stay. sync_pull cannot tell a client to forget everything, so a client that comes back must be told of
// every row that is gone (docs/last_mutation_at.md).
constexpr const char* of_no_exposed_table =
    "NOT EXISTS (SELECT FROM replicache.exposed_table e WHERE e.relation OPERATOR(pg_catalog.=) t.relation)";

class TimeClock final : public NumberClock {
public:
    constexpr TimeClock()
        : NumberClock({.name = "time",
                       .locks = true,
                       .orders_changes = true,
                       .is_time = true,
                       .logs_rows = true,
                       .removable = of_no_exposed_table}) {}

    // The time is above the versions of a lost history by itself, so an epoch does not move it. But a cookie from before the last epoch is
    // of no use. The version is -1 as long as the space has no history.
    bool insert(pg::Value id) const override {
        static constexpr auto sql = R"(
            INSERT INTO replicache.space (id, clock, version, floor)
            SELECT $1, $2, -1,
                COALESCE(
                    pg_catalog.ceil(pg_catalog.date_part('epoch', pg_catalog.max(at)) OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8, 0)
            FROM replicache.epoch
            ON CONFLICT DO NOTHING)";
        static pg::OwnStatement insert(sql, {TEXTOID, TEXTOID});
        return insert.run({id, pg::value(std::string_view(name))}).count() > 0;
    }

    // Changes get versions above this one. A version that was given before a rollback is not given again.
    std::int64_t first_version(const Space& space, pg::Table& row, std::int64_t given) const override {
        return std::max({space.before, row.int8(space_column::floor), given});
    }

    std::int64_t stamp(Space& space) const override {
        space.version = std::max(milliseconds(), next_version(space.version));
        ++space.stamps;
        space.stamped_by = GetCurrentCommandId(true);  // used, so that the next statement has a later one
        note_changed(space);
        return space.version;
    }

    void write_version(Space& space) const override {
        if (!space.changed) stamp(space);
    }

    void raise_floor(Space& space) const override {
        const Datum version = Int64GetDatum(stamp(space));
        write_row(space, {{space_column::version, version}, {space_column::floor, version}});
    }

    void skip_to(Space& space, std::int64_t version) const override { space.version = std::max(space.version, version); }

    void before_commit(Space& space) const override {
        if (!space.changed || !exists(space.table)) return;
        pg::guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
        write_row(space, {{space_column::version, Int64GetDatum(space.version)}});
        pg::guarded([] { PopActiveSnapshot(); });
        poke(space.id, space.version);
    }

    // A snapshot that is as old as the command of the last change, or older, does not see all changes of this transaction. It goes by the
    // row.
    std::int64_t seen_version(std::string_view space, std::int64_t written) const override {
        const Space* const own = own_changes(space);
        return own != nullptr && GetActiveSnapshot()->curcid > own->stamped_by ? own->version : written;
    }
};

constexpr TimeClock instance;

}  // namespace

constinit const Clock& time_clock = instance;

}  // namespace replicache::engine
