// Clocks: how a space stamps its changes, and how its readers tell what they have seen.
//
// A clock is a constant. The table in clock.cpp lists the clocks, and each one has its own file, clock_NAME.cpp. The rest of the engine
// does not ask which clock a space has. It asks the clock.
#pragma once

#include "model/cookie.h"
#include "pg/spi.h"
#include "pg/table.h"

namespace replicache::engine {

struct Head;
struct Progress;
struct Space;

struct ClockProperties {
    const char* name;                 // in replicache.space.clock and replicache.default_clock
    bool locks = false;               // taking a space locks its row until commit, so the writers of a space take turns
    bool orders_changes = false;      // each change gets a version of its own, higher than those before, also inside a transaction
    bool is_time = false;             // versions are milliseconds since 1970, which lastMutationAt needs
    bool logs_rows = false;           // tombstones name the table and the primary key; rows that come are logged
    const char* removable = nullptr;  // SQL: which old tombstones t may be removed; null: all
    const char* foreign = nullptr;    // SQL: which tombstones t no cookie can need, however young they are; null: none
};

class Clock : public ClockProperties {
public:
    constexpr explicit Clock(const ClockProperties& properties) : ClockProperties(properties) {}
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;

    // Inserts the row of a space unless there is one. Whether it did.
    virtual bool insert(pg::Value id) const = 0;

    // For Space::version of a space that is taken, whose row is `row` and whose `before` is set. `given`: the last version from the same
    // transaction, if a subtransaction has taken the space and was rolled back.
    virtual std::int64_t first_version(const Space& space, pg::Table& row, std::int64_t given) const = 0;

    // See the functions of the same names in space.h.
    virtual std::int64_t version_of(Space& space) const;
    virtual std::int64_t stamp(Space& space) const;
    virtual void write_version(Space& space) const = 0;
    virtual void raise_floor(Space& space) const = 0;
    virtual void skip_to(Space& space, std::int64_t version) const = 0;

    // Writes down that tombstones up to this version are gone.
    virtual void write_collected(Space& space, std::int64_t version) const;
    // Moves the space beyond all versions that the history before this epoch can have given out.
    virtual void begin_epoch(Space&, std::int64_t /* epoch */) const {}
    // Runs once, before the transaction commits.
    virtual void before_commit(Space&) const {}

    // The version of the last change that this transaction knows of.
    virtual std::int64_t head(const Space& space) const = 0;
    // The version of the last change that the active snapshot sees. `written`: what the row says under this snapshot.
    virtual std::int64_t seen_version(std::string_view /* space */, std::int64_t written) const { return written; }

    // Whether a cookie of this clock can look like this.
    virtual bool is_cookie(const Cookie& cookie) const = 0;
    // How far a pull gets, see progress.h. The cookie is one of this space; nullopt: there is none.
    virtual Progress progress(std::string_view space, const Head& head, const std::optional<Cookie>& cookie) const = 0;
    // The same for a reader whose cookies are numbers. Changes may be sent more than once.
    virtual Progress progress_by_number(std::string_view space, const Head& head, const std::optional<Cookie>& cookie) const = 0;

protected:
    ~Clock() = default;
};

// The clocks that other code names: that of a head without a space, and that of spaces which lastMutationAt creates.
extern const Clock &counter_clock, &time_clock;

// All clocks.
std::span<const Clock* const> clocks();
// Null: there is none of this name.
const Clock* find_clock(std::string_view name);
// The clock that replicache.default_clock names.
const Clock& default_clock();
// The values of replicache.default_clock, for pg::define_settings.
const config_enum_entry* clock_names();

}  // namespace replicache::engine
