// The clock `counter`: 1, 2, 3, …. A transaction gets one version for each space, however many pushes and direct writes it makes.
#include "engine/poke/poke.h"
#include "engine/space/clock_number.h"
#include "engine/space/space.h"
#include "engine/space/taken_spaces.h"

namespace replicache::engine {
namespace {

// The versions of an epoch start at its number shifted by this. Epochs count hours, and JavaScript's integers have room for 239 years of
// them.
constexpr int epoch_bits = 32;

class CounterClock final : public NumberClock {
public:
    constexpr CounterClock() : NumberClock({.name = "counter", .locks = true}) {}

    bool insert(pg::Value id) const override {
        static constexpr auto sql = R"(
            INSERT INTO replicache.space (id, clock, version, floor)
            SELECT $1, $2, e.start, e.start
            FROM (SELECT COALESCE(pg_catalog.max(number), 0) OPERATOR(pg_catalog.<<) $3 AS start FROM replicache.epoch) e
            ON CONFLICT DO NOTHING)";
        static pg::OwnStatement insert(sql, {TEXTOID, TEXTOID, INT4OID});
        return insert.run({id, pg::value(std::string_view(name)), pg::value(Int32GetDatum(epoch_bits))}).count() > 0;
    }

    std::int64_t first_version(const Space& space, pg::Table&, std::int64_t) const override { return next_version(space.before); }

    void write_version(Space& space) const override {
        if (space.changed) return;
        write_row(space, {{space_column::version, Int64GetDatum(space.version)}});
        note_changed(space);
        poke(space.id, space.version);
    }

    void raise_floor(Space& space) const override {
        const Datum version = Int64GetDatum(space.version);
        write_row(space, {{space_column::version, version}, {space_column::floor, version}});
        note_changed(space);
        poke(space.id, space.version);
    }

    void skip_to(Space& space, std::int64_t version) const override {
        if (version < space.version) return;
        space.version = next_version(version);
        space.changed = false;
    }

    void begin_epoch(Space& space, std::int64_t epoch) const override { skip_to(space, std::max(space.version, epoch << epoch_bits)); }
};

constexpr CounterClock instance;

}  // namespace

constinit const Clock& counter_clock = instance;

}  // namespace replicache::engine
